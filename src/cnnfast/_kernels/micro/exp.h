/* Exponential and logarithm: the two functions that activations and rows are made of.
 *
 * exp    x = n ln 2 + r with |r| <= ln 2 / 2. ln 2 is two constants, the first short enough that
 *        n times it is exact. e^r = 1 + r + r^2 q(r), q of degree 4 fitted to 2^-28 of e^r.
 * log    v = 2^k (1 + f) with f in [0, 1); log(1 + f) = f + f^2 q(f), q of degree 8 fitted to
 *        2^-27. For v >= 1 the two terms have one sign, so nothing cancels.
 *
 * Largest errors over all floats in the range, in units in the last place, measured against
 * float64 with fused multiply-add (without it):
 *   vf_exp [-87.3, 88.7] 0.90 (1.17)       vf_expm1_below [-104, 0] 0.95 (0.92)
 *   vf_log1p_unit [0, 1] 1.17 (1.61)       vf_log [1, 1e6] 1.17 (1.55)
 */
#ifndef CNNFAST_EXP_H
#define CNNFAST_EXP_H

/* (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2 */
ALWAYS_INLINE vf exp_polynomial(vf r)
{
    vf q = vf_fma(vf_set(0.00138201355f), r, vf_set(0.00836868584f));
    q = vf_fma(q, r, vf_set(0.0416682735f));
    q = vf_fma(q, r, vf_set(0.166665211f));
    return vf_fma(q, r, vf_set(0.49999994f));
}

/* e^r for |r| <= ln 2 / 2 */
ALWAYS_INLINE vf exp_reduced(vf r)
{
    const vf one = vf_set(1.0f);
    return vf_fma(vf_fma(exp_polynomial(r), r, one), r, one);
}

ALWAYS_INLINE vf exp_exponent(vf x) { return vf_round(vf_mul(x, vf_set(1.44269504f))); }

ALWAYS_INLINE vf exp_remainder(vf x, vf n)
{
    return vf_fnma(n, vf_set(1.42860677e-6f), vf_fnma(n, vf_set(0.693145752f), x));
}

/* v * 2^n for integral n in [-151, 129]: more than one factor can reach, so two of half each.
 * The first is exact; a result below the smallest normal is rounded once, by the second. */
ALWAYS_INLINE vf scale_far(vf v, vf n)
{
#ifdef CNNFAST_ISA_AVX512
    return vf_scale(v, n);
#else
    const vf half = vf_round(vf_mul(n, vf_set(0.5f)));
    return vf_scale(vf_scale(v, half), vf_sub(n, half));
#endif
}

/* The range outside which e^x is infinite or zero in float32. NaN stays NaN. */
ALWAYS_INLINE vf exp_clamp(vf x) { return vf_min(vf_set(89.0f), vf_max(vf_set(-104.0f), x)); }

/* e^x for any x. */
ALWAYS_INLINE vf vf_exp(vf x)
{
    const vf clamped = exp_clamp(x);
    const vf n = exp_exponent(clamped);
    return scale_far(exp_reduced(exp_remainder(clamped, n)), n);
}

/* e^(x + low), where low is a correction much smaller than x. */
ALWAYS_INLINE vf vf_exp_sum(vf x, vf low)
{
    const vf clamped = exp_clamp(x);
    const vf n = exp_exponent(clamped);
    return scale_far(exp_reduced(vf_add(exp_remainder(clamped, n), low)), n);
}

/* e^x - 1 for x <= 0 (0 above): accurate relative to itself, however small x is. */
ALWAYS_INLINE vf vf_expm1_below(vf x)
{
    const vf clamped = vf_min(vf_zero(), vf_max(vf_set(-20.0f), x));
    const vf n = exp_exponent(clamped);
    const vf r = exp_remainder(clamped, n);
    const vf tail = vf_fma(vf_mul(r, r), exp_polynomial(r), r);
    const vf power = vf_scale(vf_set(1.0f), n);
    return vf_fma(power, tail, vf_sub(power, vf_set(1.0f)));
}

/* log(1 + f) for 0 <= f <= 1. */
ALWAYS_INLINE vf vf_log1p_unit(vf f)
{
    vf q = vf_fma(vf_set(-0.0033065395f), f, vf_set(0.0201503336f));
    q = vf_fma(q, f, vf_set(-0.0575615279f));
    q = vf_fma(q, f, vf_set(0.10670013f));
    q = vf_fma(q, f, vf_set(-0.153490975f));
    q = vf_fma(q, f, vf_set(0.196931928f));
    q = vf_fma(q, f, vf_set(-0.24958156f));
    q = vf_fma(q, f, vf_set(0.333304703f));
    q = vf_fma(q, f, vf_set(-0.499999315f));
    return vf_fma(vf_mul(f, f), q, f);
}

/* log(v) for finite v >= 1; NaN for NaN. */
ALWAYS_INLINE vf vf_log(vf v)
{
    const vf k = vf_exponent(v);
    const vf fraction = vf_log1p_unit(vf_sub(vf_mantissa(v), vf_set(1.0f)));
    const vf nothing = vf_sub(v, v);
    return vf_add(vf_fma(k, vf_set(0.693147182f), fraction), nothing);
}

#endif
