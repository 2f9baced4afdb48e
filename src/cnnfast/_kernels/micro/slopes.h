/* Gradients of activations: dx[i] = dy[i] * f'(x[i]).
 *
 * Where the slope follows from the activation's output, as it does for most of those that never
 * fall, v is that output and the input needs no memory; otherwise v is the input. Which it is
 * stands in ops/gradients/elementwise.py. The slopes of lines serve both: they only ask on which
 * side of a corner v lies. In a corner the slope is the one TensorFlow takes.
 */
#include "../kernels.h"
#include "elementwise.h"

ALWAYS_INLINE vf one_where(vm condition)
{
    return vf_select(condition, vf_set(1.0f), vf_zero());
}

/* 1 between two corners, 0 in them and outside. */
ALWAYS_INLINE vf slope_between(vf v, float low, float high)
{
    return vf_select(vf_less(vf_set(low), v), one_where(vf_less(v, vf_set(high))), vf_zero());
}

ALWAYS_INLINE vf slope_linear(vf v, const float *p)
{
    (void)v;
    (void)p;
    return vf_set(1.0f);
}

ALWAYS_INLINE vf slope_relu(vf v, const float *p)
{
    const vf above = one_where(vf_less(v, vf_set(p[1])));
    return vf_select(vf_less(vf_set(p[2]), v), above, vf_set(p[0]));
}

ALWAYS_INLINE vf slope_hard_sigmoid(vf y, const float *p)
{
    return vf_mul(vf_set(p[0]), slope_between(y, 0.0f, 1.0f));
}

ALWAYS_INLINE vf slope_hard_tanh(vf y, const float *p)
{
    (void)p;
    return slope_between(y, -1.0f, 1.0f);
}

ALWAYS_INLINE vf slope_hard_silu(vf x, const float *p)
{
    const vf gate = vf_fma(vf_set(p[0]), x, vf_set(p[1]));
    return vf_fma(vf_mul(x, vf_set(p[0])), slope_between(gate, 0.0f, 1.0f),
                  vf_clip(gate, 0.0f, 1.0f));
}

ALWAYS_INLINE vf slope_hard_shrink(vf x, const float *p)
{
    return one_where(vf_less(vf_set(p[0]), vf_abs(x)));
}

ALWAYS_INLINE vf slope_soft_shrink(vf x, const float *p) { return slope_hard_shrink(x, p); }

ALWAYS_INLINE vf slope_threshold(vf x, const float *p)
{
    return one_where(vf_less(vf_set(p[0]), x));
}

ALWAYS_INLINE vf slope_sparse_plus(vf x, const float *p)
{
    (void)p;
    return vf_mul(vf_add(vf_clip(x, -1.0f, 1.0f), vf_set(1.0f)), vf_set(0.5f));
}

ALWAYS_INLINE vf slope_sparse_sigmoid(vf x, const float *p)
{
    (void)p;
    return vf_mul(vf_set(0.5f), slope_between(x, -1.0f, 1.0f));
}

/* (1 - |y|)^2 */
ALWAYS_INLINE vf slope_softsign(vf y, const float *p)
{
    const vf rest = vf_sub(vf_set(1.0f), vf_abs(y));
    (void)p;
    return vf_mul(rest, rest);
}

/* (1 + x / sqrt(x^2 + b)) / 2 = y / sqrt(x^2 + b) */
ALWAYS_INLINE vf slope_squareplus(vf x, const float *p)
{
    const vf finite = vf_clip(x, -1e18f, 1e18f);
    const vf root = vf_sqrt(vf_fma(finite, finite, vf_set(p[0])));
    return vf_div(vf_squareplus(finite, p), root);
}

ALWAYS_INLINE vf slope_exponential(vf y, const float *p)
{
    (void)p;
    return y;
}

ALWAYS_INLINE vf slope_elu(vf y, const float *p)
{
    return vf_select(vf_less(y, vf_zero()), vf_add(y, vf_set(p[0])), vf_set(1.0f));
}

ALWAYS_INLINE vf slope_celu(vf y, const float *p)
{
    const vf below = vf_add(vf_div(y, vf_set(p[0])), vf_set(1.0f));
    return vf_select(vf_less(y, vf_zero()), below, vf_set(1.0f));
}

ALWAYS_INLINE vf slope_selu(vf y, const float *p)
{
    (void)p;
    return vf_select(vf_less(y, vf_zero()), vf_add(y, vf_set(1.75809934f)),
                     vf_set(1.05070098f));
}

ALWAYS_INLINE vf slope_sigmoid(vf y, const float *p)
{
    (void)p;
    return vf_mul(y, vf_sub(vf_set(1.0f), y));
}

/* 1 - y^2 as a product that does not cancel near 1 */
ALWAYS_INLINE vf slope_tanh(vf y, const float *p)
{
    const vf one = vf_set(1.0f);
    (void)p;
    return vf_mul(vf_sub(one, y), vf_add(one, y));
}

ALWAYS_INLINE vf slope_tanh_shrink(vf x, const float *p)
{
    const vf y = vf_tanh(x, p);
    return vf_mul(y, y);
}

/* 1 - e^-y */
ALWAYS_INLINE vf slope_softplus(vf y, const float *p)
{
    (void)p;
    return vf_sub(vf_zero(), vf_expm1_below(vf_sub(vf_zero(), y)));
}

/* 1 - e^y */
ALWAYS_INLINE vf slope_log_sigmoid(vf y, const float *p)
{
    (void)p;
    return vf_sub(vf_zero(), vf_expm1_below(y));
}

/* s + x s (1 - s) for s = sigmoid(u), times the slope of u in the second term */
ALWAYS_INLINE vf slope_gated(vf x, vf u, vf slope)
{
    const vf gate = vf_sigmoid(u, NULL);
    const vf other = vf_sigmoid(vf_sub(vf_zero(), u), NULL);
    return vf_fma(vf_mul(gate, other), vf_mul(vf_clip(x, -1e6f, 1e6f), slope), gate);
}

ALWAYS_INLINE vf slope_silu(vf x, const float *p)
{
    (void)p;
    return slope_gated(x, x, vf_set(1.0f));
}

ALWAYS_INLINE vf slope_gelu_tanh(vf x, const float *p)
{
    const vf near = vf_clip(x, -1e6f, 1e6f), square = vf_mul(near, near);
    const vf u = vf_mul(near, vf_fma(square, vf_set(0.0713548139f), vf_set(1.59576917f)));
    (void)p;
    return slope_gated(near, u, vf_fma(square, vf_set(0.214064442f), vf_set(1.59576917f)));
}

/* P(X <= x) + x times the density, for a normal X */
ALWAYS_INLINE vf slope_gelu(vf x, const float *p)
{
    const vf near = vf_clip(x, -14.5f, 14.5f), size = vf_abs(near);
    const vf density = normal_density(size), tail = vf_mul(normal_tail(size), density);
    const vf below = vf_select(vf_less(x, vf_zero()), tail, vf_sub(vf_set(1.0f), tail));
    (void)p;
    return vf_fma(vf_mul(near, vf_set(0.398942280f)), density, below);
}

/* t + x (1 - t^2) sigmoid(x) for t = n / (n + 2), n = e^x (e^x + 2) */
ALWAYS_INLINE vf slope_mish(vf x, const float *p)
{
    const vf two = vf_set(2.0f), near = vf_clip(x, -80.0f, 20.0f), power = vf_exp(near);
    const vf n = vf_mul(power, vf_add(power, two)), sum = vf_add(n, two);
    const vf t = vf_div(n, sum), rest = vf_mul(vf_div(two, sum), vf_add(vf_set(1.0f), t));
    return vf_fma(vf_mul(near, rest), vf_sigmoid(near, p), t);
}

#define ACTIVATION(name)                                                                         \
    static void activation_gradient_##name(const float *v, const float *dy, float *dx,           \
                                           ptrdiff_t n, const float *parameters)                 \
    {                                                                                            \
        const float p[3] = {parameters[0], parameters[1], parameters[2]};                        \
        ptrdiff_t i = 0;                                                                         \
        for (; i + LANES <= n; i += LANES)                                                       \
            vf_store(dx + i, vf_mul(vf_load(dy + i), slope_##name(vf_load(v + i), p)));          \
        if (i < n)                                                                               \
            vf_store_n(dx + i,                                                                   \
                       vf_mul(vf_load_n(dy + i, n - i, 0.0f),                                    \
                              slope_##name(vf_load_n(v + i, n - i, 0.0f), p)),                   \
                       n - i);                                                                   \
    }
#include "../kernels.inc"
#undef ACTIVATION
