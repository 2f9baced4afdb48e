/* Elementwise kernels: activations y[i] = f(x[i]), pairs y[i] = f(a[i], b[i]),
 * and slopes or scales with a period.
 *
 * One pass; x and y equal or apart. Each activation is a vf -> vf function of up to three
 * parameters and ACTIVATION makes the loop around it, so an element's result does not depend on
 * where it stands in the array.
 *
 * Numerics  NaN gives NaN. Where a formula meets infinity times zero, the result is the limit.
 *           Largest errors for inputs in [-87, 88], in units in the last place, measured against
 *           float64 with fused multiply-add (without it where a second number stands):
 *             exponential 0.9 (1.2)   elu, celu, selu 2    sigmoid 2.4   silu 2.9   tanh 2.5
 *             softplus, log_sigmoid 1.7 (2.1)   mish 3.5 (3.9)   gelu 5.7 (6.7)
 *             tanh_shrink 3.1   squareplus 2.8   softsign 1.5   sparse_plus 2
 *           gelu_tanh errs by 2.3 roundings of x, as does all that rounds its cubic. Below -87
 *           powers of e are denormal and lose bits, of which silu and mish multiply what is left.
 */
#ifndef CNNFAST_ELEMENTWISE_H
#define CNNFAST_ELEMENTWISE_H

#include <float.h>

#include "../kernels.h"
#include "exp.h"

/* -------------------------------------------------------------------- lines and thresholds */

ALWAYS_INLINE vf vf_clip(vf x, float low, float high)
{
    return vf_min(vf_set(high), vf_max(vf_set(low), x));
}

/* x, where an infinity would meet a zero, made finite from below. */
ALWAYS_INLINE vf vf_finite_below(vf x) { return vf_max(vf_set(-FLT_MAX), x); }

ALWAYS_INLINE vf vf_linear(vf x, const float *p)
{
    (void)p;
    return x;
}

/* x above the threshold p[2], but no more than p[1]; p[0] * (x - threshold) up to it. */
ALWAYS_INLINE vf vf_relu(vf x, const float *p)
{
    const vf threshold = vf_set(p[2]);
    const vf sloped = p[0] == 0.0f ? vf_finite_below(x) : x;
    const vf below = vf_mul(vf_set(p[0]), vf_sub(sloped, threshold));
    return vf_select(vf_less(threshold, x), vf_min(vf_set(p[1]), x), below);
}

/* clip(p[0] * x + p[1], 0, 1) */
ALWAYS_INLINE vf vf_hard_sigmoid(vf x, const float *p)
{
    return vf_clip(vf_fma(vf_set(p[0]), x, vf_set(p[1])), 0.0f, 1.0f);
}

ALWAYS_INLINE vf vf_hard_silu(vf x, const float *p)
{
    return vf_mul(vf_finite_below(x), vf_hard_sigmoid(x, p));
}

ALWAYS_INLINE vf vf_hard_tanh(vf x, const float *p)
{
    (void)p;
    return vf_clip(x, -1.0f, 1.0f);
}

/* x where |x| > p[0], else 0 */
ALWAYS_INLINE vf vf_hard_shrink(vf x, const float *p)
{
    return vf_select(vf_less_equal(vf_abs(x), vf_set(p[0])), vf_zero(), x);
}

/* sign(x) * max(|x| - p[0], 0): what clipping to [-p[0], p[0]] takes away. */
ALWAYS_INLINE vf vf_soft_shrink(vf x, const float *p)
{
    return vf_sub(x, vf_clip(x, -p[0], p[0]));
}

/* x where x > p[0], else p[1] */
ALWAYS_INLINE vf vf_threshold(vf x, const float *p)
{
    return vf_select(vf_less_equal(x, vf_set(p[0])), vf_set(p[1]), x);
}

/* (x + 1)^2 / 4 between -1 and 1, zero below, x above. */
ALWAYS_INLINE vf vf_sparse_plus(vf x, const float *p)
{
    const vf root = vf_mul(vf_add(vf_hard_tanh(x, p), vf_set(1.0f)), vf_set(0.5f));
    return vf_select(vf_less(x, vf_set(1.0f)), vf_mul(root, root), x);
}

ALWAYS_INLINE vf vf_sparse_sigmoid(vf x, const float *p)
{
    return vf_mul(vf_add(vf_hard_tanh(x, p), vf_set(1.0f)), vf_set(0.5f));
}

/* ------------------------------------------------------------------------ roots and quotients */

ALWAYS_INLINE vf vf_softsign(vf x, const float *p)
{
    const vf finite = vf_clip(x, -FLT_MAX, FLT_MAX);
    (void)p;
    return vf_div(finite, vf_add(vf_set(1.0f), vf_abs(finite)));
}

/* (x + sqrt(x^2 + b)) / 2; for x < 0 by its conjugate b / 2 / (sqrt(x^2 + b) - x), which does
 * not cancel. Where x^2 would overflow the root is |x|; the sum is halved before it can. */
ALWAYS_INLINE vf vf_squareplus(vf x, const float *p)
{
    const vf size = vf_abs(x), half = vf_set(0.5f), b = vf_set(p[0]);
    const vf root = vf_select(vf_less(vf_set(1e18f), size), size, vf_sqrt(vf_fma(x, x, b)));
    const vf mean = vf_fma(half, size, vf_mul(half, root));
    const vf conjugate = vf_div(vf_mul(vf_set(0.25f), b), mean);
    return vf_select(vf_less(x, vf_zero()), conjugate, mean);
}

/* --------------------------------------------------------------------- exponentials and kin */

ALWAYS_INLINE vf vf_exponential(vf x, const float *p)
{
    (void)p;
    return vf_exp(x);
}

/* x for x >= 0, p[0] * (e^x - 1) below. */
ALWAYS_INLINE vf vf_elu(vf x, const float *p)
{
    return vf_select(vf_less(x, vf_zero()), vf_mul(vf_set(p[0]), vf_expm1_below(x)), x);
}

/* x for x >= 0, p[0] * (e^(x / p[0]) - 1) below. */
ALWAYS_INLINE vf vf_celu(vf x, const float *p)
{
    const vf alpha = vf_set(p[0]);
    const vf below = vf_mul(alpha, vf_expm1_below(vf_div(x, alpha)));
    return vf_select(vf_less(x, vf_zero()), below, x);
}

ALWAYS_INLINE vf vf_selu(vf x, const float *p)
{
    const vf scale = vf_set(1.05070098f), scaled_alpha = vf_set(1.75809934f);
    (void)p;
    return vf_select(vf_less(x, vf_zero()), vf_mul(scaled_alpha, vf_expm1_below(x)),
                     vf_mul(scale, x));
}

/* 1 / (1 + e^-x), for x < 0 as e^x / (1 + e^x): neither overflows. */
ALWAYS_INLINE vf vf_sigmoid(vf x, const float *p)
{
    const vf one = vf_set(1.0f), power = vf_exp(vf_sub(vf_zero(), vf_abs(x)));
    (void)p;
    return vf_div(vf_select(vf_less(x, vf_zero()), power, one), vf_add(one, power));
}

ALWAYS_INLINE vf vf_silu(vf x, const float *p)
{
    return vf_mul(vf_finite_below(x), vf_sigmoid(x, p));
}

/* With t = e^(-2|x|) - 1, tanh |x| = -t / (t + 2). */
ALWAYS_INLINE vf vf_tanh(vf x, const float *p)
{
    const vf size = vf_abs(x), zero = vf_zero(), two = vf_set(2.0f);
    const vf t = vf_expm1_below(vf_mul(vf_set(-2.0f), size));
    const vf quotient = vf_div(t, vf_add(t, two));
    const vf odd = vf_select(vf_less(x, zero), quotient, vf_sub(zero, quotient));
    (void)p;
    return vf_select(vf_less(size, vf_set(2.44140625e-4f)), x, odd);
}

/* x - tanh(x), odd. With t = e^-2x it is (x - 1) + 2 t / (1 + t); below 1, where the two terms
 * cancel, x^3 q(x^2) with q of degree 7 fitted to 2^-25. */
ALWAYS_INLINE vf vf_tanh_shrink(vf x, const float *p)
{
    const vf size = vf_abs(x), one = vf_set(1.0f), u = vf_mul(x, x);
    const vf t = vf_exp(vf_mul(vf_set(-2.0f), size));
    const vf rest = vf_div(vf_add(t, t), vf_add(one, t));
    const vf large = vf_add(vf_sub(size, one), rest);
    vf q = vf_fma(vf_set(-0.000205124175f), u, vf_set(0.00114777405f));
    q = vf_fma(q, u, vf_set(-0.00352552882f));
    q = vf_fma(q, u, vf_set(0.00892406888f));
    q = vf_fma(q, u, vf_set(-0.0219127927f));
    q = vf_fma(q, u, vf_set(0.0539782122f));
    q = vf_fma(q, u, vf_set(-0.133334115f));
    q = vf_fma(q, u, vf_set(0.333333343f));
    (void)p;
    return vf_select(vf_less(size, one), vf_mul(vf_mul(q, u), x),
                     vf_select(vf_less(x, vf_zero()), vf_sub(vf_zero(), large), large));
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) */
ALWAYS_INLINE vf vf_softplus(vf x, const float *p)
{
    const vf zero = vf_zero(), power = vf_exp(vf_sub(zero, vf_abs(x)));
    (void)p;
    return vf_add(vf_max(zero, x), vf_log1p_unit(power));
}

/* -log(1 + e^-x) */
ALWAYS_INLINE vf vf_log_sigmoid(vf x, const float *p)
{
    const vf zero = vf_zero();
    return vf_sub(zero, vf_softplus(vf_sub(zero, x), p));
}

/* x tanh(log(1 + e^x)) = x n / (n + 2) with n = e^x (e^x + 2). From 20 on the quotient is 1. */
ALWAYS_INLINE vf vf_mish(vf x, const float *p)
{
    const vf two = vf_set(2.0f), power = vf_exp(vf_min(vf_set(20.0f), x));
    const vf n = vf_mul(power, vf_add(power, two));
    (void)p;
    return vf_mul(vf_finite_below(x), vf_div(n, vf_add(n, two)));
}

/* The upper tail of the normal distribution over e^(-u^2 / 2), for 0 <= u <= 14.5: a quotient of
 * polynomials fitted to 2^-26.7, whose coefficients are all positive, so that nothing cancels. */
ALWAYS_INLINE vf normal_tail(vf u)
{
    vf top = vf_fma(vf_set(0.00446618721f), u, vf_set(0.04408703f));
    vf bottom = vf_fma(vf_set(0.0111949416f), u, vf_set(0.110516787f));
    top = vf_fma(top, u, vf_set(0.198810205f));
    bottom = vf_fma(bottom, u, vf_set(0.509375811f));
    top = vf_fma(top, u, vf_set(0.475550562f));
    bottom = vf_fma(bottom, u, vf_set(1.3047173f));
    top = vf_fma(top, u, vf_set(0.542501152f));
    bottom = vf_fma(bottom, u, vf_set(1.8168081f));
    bottom = vf_fma(bottom, u, vf_set(1.0850023f));
    return vf_div(top, bottom);
}

/* e^(-u^2 / 2) for 0 <= u <= 15. u = high + low with 12 bits in high, so that its square is
 * exact and the rest of u^2 is a small correction. */
ALWAYS_INLINE vf normal_density(vf u)
{
    const vf spread = vf_mul(u, vf_set(4097.0f)), half = vf_set(-0.5f);
    const vf high = vf_sub(spread, vf_sub(spread, u));
    const vf rest = vf_mul(vf_add(u, high), vf_sub(u, high));
    return vf_exp_sum(vf_mul(half, vf_mul(high, high)), vf_mul(half, rest));
}

/* x P(X <= x) for a normal X: x tail(-x) below zero, x (1 - tail(x)) above. */
ALWAYS_INLINE vf vf_gelu(vf x, const float *p)
{
    const vf from_below = vf_max(vf_set(-14.5f), x);
    const vf size = vf_min(vf_set(14.5f), vf_abs(from_below));
    const vf tail = normal_tail(size), density = normal_density(size);
    const vf above = vf_mul(x, vf_fnma(tail, density, vf_set(1.0f)));
    (void)p;
    return vf_select(vf_less(x, vf_zero()), vf_mul(vf_mul(from_below, tail), density), above);
}

/* x / 2 (1 + tanh v) = x sigmoid(2 v), v = sqrt(2 / pi) (x + 0.044715 x^3). */
ALWAYS_INLINE vf vf_gelu_tanh(vf x, const float *p)
{
    const vf cubic = vf_fma(vf_mul(x, x), vf_set(0.0713548139f), vf_set(1.59576917f));
    return vf_mul(vf_finite_below(x), vf_sigmoid(vf_mul(x, cubic), p));
}

/* A copy of the parameters, which y cannot overlap, lets the compiler keep them in registers. */
#define ACTIVATION(name)                                                                         \
    static void activation_##name(const float *x, float *y, ptrdiff_t n,                         \
                                  const float *parameters)                                       \
    {                                                                                            \
        const float p[3] = {parameters[0], parameters[1], parameters[2]};                        \
        ptrdiff_t i = 0;                                                                         \
        for (; i + LANES <= n; i += LANES) vf_store(y + i, vf_##name(vf_load(x + i), p));        \
        if (i < n) vf_store_n(y + i, vf_##name(vf_load_n(x + i, n - i, 0.0f), p), n - i);        \
    }
#include "../kernels.inc"
#undef ACTIVATION

/* ------------------------------------------------------------------------ more than one operand */

ALWAYS_INLINE vf vf_pair_add(vf a, vf b) { return vf_add(a, b); }
ALWAYS_INLINE vf vf_pair_subtract(vf a, vf b) { return vf_sub(a, b); }
ALWAYS_INLINE vf vf_pair_multiply(vf a, vf b) { return vf_mul(a, b); }

/* The larger, the smaller one: NaN where either is. */
ALWAYS_INLINE vf vf_pair_maximum(vf a, vf b)
{
    return vf_select(vf_less_equal(a, a), vf_max(a, b), a);
}

ALWAYS_INLINE vf vf_pair_minimum(vf a, vf b)
{
    return vf_select(vf_less_equal(a, a), vf_min(a, b), a);
}

#define PAIR(name)                                                                               \
    static void pair_##name(const float *a, const float *b, float *y, ptrdiff_t n)               \
    {                                                                                            \
        ptrdiff_t i = 0;                                                                         \
        for (; i + LANES <= n; i += LANES)                                                       \
            vf_store(y + i, vf_pair_##name(vf_load(a + i), vf_load(b + i)));                     \
        if (i < n)                                                                               \
            vf_store_n(y + i,                                                                    \
                       vf_pair_##name(vf_load_n(a + i, n - i, 0.0f),                             \
                                      vf_load_n(b + i, n - i, 0.0f)), n - i);                    \
    }
#include "../kernels.inc"
#undef PAIR

/* y = x, converted */
static void cast(const int32_t *x, float *y, ptrdiff_t n)
{
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES) vf_store(y + i, vf_from_int(x + i));
    for (; i < n; i++) y[i] = (float)x[i];
}

/* Where constants repeat, i counts elements and `phase` the place in the constants. They hold at
 * least LANES floats, and after the last one the first LANES again, so that a vector of them may
 * start anywhere. */
ALWAYS_INLINE ptrdiff_t next_phase(ptrdiff_t phase, ptrdiff_t period)
{
    return phase + LANES < period ? phase + LANES : phase + LANES - period;
}

ALWAYS_INLINE vf vf_prelu(vf x, vf slope)
{
    return vf_select(vf_less(x, vf_zero()), vf_mul(slope, x), x);
}

/* y = x where x >= 0, slope * x below. */
static void prelu(const float *x, float *y, ptrdiff_t n, const float *slopes, ptrdiff_t period,
                  ptrdiff_t phase)
{
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES, phase = next_phase(phase, period))
        vf_store(y + i, vf_prelu(vf_load(x + i), vf_load(slopes + phase)));
    if (i < n)
        vf_store_n(y + i, vf_prelu(vf_load_n(x + i, n - i, 0.0f), vf_load(slopes + phase)),
                   n - i);
}

/* y = x * scale + shift, no less than lowest and no more than highest */
static void scale_shift(const float *x, float *y, ptrdiff_t n, const float *scale,
                        const float *shift, ptrdiff_t period, ptrdiff_t phase, float lowest,
                        float highest)
{
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES, phase = next_phase(phase, period))
        vf_store(y + i, vf_clip(vf_fma(vf_load(x + i), vf_load(scale + phase),
                                       vf_load(shift + phase)), lowest, highest));
    if (i < n)
        vf_store_n(y + i, vf_clip(vf_fma(vf_load_n(x + i, n - i, 0.0f), vf_load(scale + phase),
                                         vf_load(shift + phase)), lowest, highest), n - i);
}

#endif
