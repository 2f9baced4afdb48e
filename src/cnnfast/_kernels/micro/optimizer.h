/* One step of an optimizer: each rule reads weights, gradient and state once and writes them once.
 *
 * A rule is a function of one vector of each: w and g, the vectors s of its state, which it
 * replaces, and its numbers p; it returns the new weights. UPDATE makes the loop around it.
 *
 * Numerics  The operations and their order are Keras 3's, every product rounded before it is
 *           added: a fused multiply-add would save nothing, since memory sets the pace, and the
 *           weights after training are the same on every machine. NaN gives NaN.
 */
#ifndef CNNFAST_OPTIMIZER_H
#define CNNFAST_OPTIMIZER_H

#include <float.h>

#include "../kernels.h"
#include "exp.h"

ALWAYS_INLINE vf vf_square(vf x) { return vf_mul(x, x); }

/* a x + b y */
ALWAYS_INLINE vf vf_mix(vf a, vf x, vf b, vf y) { return vf_add(vf_mul(a, x), vf_mul(b, y)); }

/* x + (y - x) a: x moved towards y */
ALWAYS_INLINE vf vf_towards(vf x, vf y, vf a) { return vf_add(x, vf_mul(vf_sub(y, x), a)); }

/* ------------------------------------------------------------------------- gradient descent */

/* p: learning rate */
ALWAYS_INLINE vf vf_sgd(vf w, vf g, vf *s, const vf *p)
{
    (void)s;
    return vf_sub(w, vf_mul(g, p[0]));
}

/* p: learning rate, momentum; s: velocity */
ALWAYS_INLINE vf vf_momentum(vf w, vf g, vf *s, const vf *p)
{
    s[0] = vf_sub(vf_mul(s[0], p[1]), vf_mul(g, p[0]));
    return vf_add(w, s[0]);
}

ALWAYS_INLINE vf vf_nesterov(vf w, vf g, vf *s, const vf *p)
{
    const vf downhill = vf_mul(g, p[0]);
    s[0] = vf_sub(vf_mul(s[0], p[1]), downhill);
    return vf_add(w, vf_sub(vf_mul(s[0], p[1]), downhill));
}

/* p: learning rate, b1, 1 - b1, b2, 1 - b2; s: momentum */
ALWAYS_INLINE vf vf_lion(vf w, vf g, vf *s, const vf *p)
{
    const vf x = vf_mix(s[0], p[1], g, p[2]), zero = vf_zero();
    const vf not_above = vf_select(vf_less(x, zero), vf_set(-1.0f), x);
    const vf sign = vf_select(vf_less(zero, x), vf_set(1.0f), not_above);
    s[0] = vf_mix(s[0], p[3], g, p[4]);
    return vf_sub(w, vf_mul(p[0], sign));
}

/* --------------------------------------------------------- steps scaled by squared gradients */

/* p: learning rate, rho, 1 - rho, epsilon, momentum; s: velocity and what the name adds, the
 * momentum before the average gradient */
ALWAYS_INLINE vf vf_rmsprop_velocity(vf g, vf velocity, const vf *p)
{
    return vf_mix(p[1], velocity, p[2], vf_square(g));
}

ALWAYS_INLINE vf vf_rmsprop_step(vf g, vf *velocity, const vf *p)
{
    *velocity = vf_rmsprop_velocity(g, *velocity, p);
    return vf_div(vf_mul(p[0], g), vf_sqrt(vf_add(*velocity, p[3])));
}

ALWAYS_INLINE vf vf_rmsprop_centered_step(vf g, vf *velocity, vf *average, const vf *p)
{
    vf variance;
    *velocity = vf_rmsprop_velocity(g, *velocity, p);
    *average = vf_mix(p[1], *average, p[2], g);
    variance = vf_sub(*velocity, vf_square(*average));
    return vf_div(vf_mul(p[0], g), vf_sqrt(vf_add(variance, p[3])));
}

ALWAYS_INLINE vf vf_rmsprop(vf w, vf g, vf *s, const vf *p)
{
    return vf_sub(w, vf_rmsprop_step(g, s, p));
}

ALWAYS_INLINE vf vf_rmsprop_momentum(vf w, vf g, vf *s, const vf *p)
{
    const vf step = vf_rmsprop_step(g, s, p);
    s[1] = vf_add(vf_mul(p[4], s[1]), step);
    return vf_sub(w, s[1]);
}

ALWAYS_INLINE vf vf_rmsprop_centered(vf w, vf g, vf *s, const vf *p)
{
    return vf_sub(w, vf_rmsprop_centered_step(g, s, s + 1, p));
}

ALWAYS_INLINE vf vf_rmsprop_centered_momentum(vf w, vf g, vf *s, const vf *p)
{
    const vf step = vf_rmsprop_centered_step(g, s, s + 2, p);
    s[1] = vf_add(vf_mul(p[4], s[1]), step);
    return vf_sub(w, s[1]);
}

/* p: learning rate, epsilon; s: accumulator */
ALWAYS_INLINE vf vf_adagrad(vf w, vf g, vf *s, const vf *p)
{
    s[0] = vf_add(s[0], vf_square(g));
    return vf_sub(w, vf_div(vf_mul(p[0], g), vf_sqrt(vf_add(s[0], p[1]))));
}

/* p: learning rate, rho, 1 - rho, epsilon; s: squared gradients, squared steps */
ALWAYS_INLINE vf vf_adadelta(vf w, vf g, vf *s, const vf *p)
{
    vf step;
    s[0] = vf_mix(p[1], s[0], p[2], vf_square(g));
    step = vf_mul(vf_sqrt(vf_add(s[1], p[3])), g);
    step = vf_sub(vf_zero(), vf_div(step, vf_sqrt(vf_add(s[0], p[3]))));
    s[1] = vf_mix(p[1], s[1], p[2], vf_square(step));
    return vf_add(w, vf_mul(p[0], step));
}

/* ------------------------------------------------------------------------ Adam and its kin */

/* p: corrected learning rate, 1 - b1, 1 - b2, epsilon; s: momentum, velocity (and its maximum) */
ALWAYS_INLINE vf vf_adam(vf w, vf g, vf *s, const vf *p)
{
    s[0] = vf_towards(s[0], g, p[1]);
    s[1] = vf_towards(s[1], vf_square(g), p[2]);
    return vf_sub(w, vf_div(vf_mul(s[0], p[0]), vf_add(vf_sqrt(s[1]), p[3])));
}

ALWAYS_INLINE vf vf_amsgrad(vf w, vf g, vf *s, const vf *p)
{
    s[0] = vf_towards(s[0], g, p[1]);
    s[1] = vf_towards(s[1], vf_square(g), p[2]);
    s[2] = vf_max(s[2], s[1]);
    return vf_sub(w, vf_div(vf_mul(s[0], p[0]), vf_add(vf_sqrt(s[2]), p[3])));
}

/* p: learning rate, 1 - b1, b2, epsilon, 1 - b1^t; s: momentum, norm */
ALWAYS_INLINE vf vf_adamax(vf w, vf g, vf *s, const vf *p)
{
    s[0] = vf_towards(s[0], g, p[1]);
    s[1] = vf_max(vf_mul(p[2], s[1]), vf_abs(g));
    return vf_sub(w, vf_div(vf_mul(p[0], s[0]), vf_mul(p[4], vf_add(s[1], p[3]))));
}

/* p: learning rate, 1 - b1, 1 - b2, epsilon, u', 1 - U', 1 - u, 1 - U, 1 - b2^t, where u and U
 * are this step's momentum and the product of all so far, u' and U' the next step's; s: momentum,
 * velocity */
ALWAYS_INLINE vf vf_nadam(vf w, vf g, vf *s, const vf *p)
{
    vf momentum, velocity;
    s[0] = vf_towards(s[0], g, p[1]);
    s[1] = vf_towards(s[1], vf_square(g), p[2]);
    momentum = vf_add(vf_div(vf_mul(p[4], s[0]), p[5]), vf_div(vf_mul(p[6], g), p[7]));
    velocity = vf_div(s[1], p[8]);
    return vf_sub(w, vf_div(vf_mul(momentum, p[0]), vf_add(vf_sqrt(velocity), p[3])));
}

/* --------------------------------------------------------------- follow the regularized leader */

/* x^p for x >= 0 and p >= 0: within a few units in the last place while |p log x| is below 4. */
ALWAYS_INLINE vf vf_power(vf x, vf p)
{
    const vf normal = vf_max(vf_set(FLT_MIN), x);
    const vf fraction = vf_log1p_unit(vf_sub(vf_mantissa(normal), vf_set(1.0f)));
    const vf log = vf_fma(vf_exponent(normal), vf_set(0.693147182f), fraction);
    const vf power = vf_exp(vf_mul(p, log));
    const vf at_zero = vf_select(vf_less(vf_zero(), p), vf_zero(), vf_set(1.0f));
    return vf_select(vf_less(x, vf_set(FLT_MIN)), at_zero, vf_add(power, vf_sub(x, x)));
}

/* p: learning rate, l1, 2 l2, 2 shrinkage, power; s: accumulator, linear term; `before` and
 * `after`: the accumulator to that power, before and after this gradient. */
ALWAYS_INLINE vf vf_ftrl_step(vf w, vf g, vf before, vf after, vf *linear, const vf *p)
{
    const vf slope = vf_add(g, vf_mul(p[3], w)), zero = vf_zero();
    const vf change = vf_mul(vf_div(vf_sub(after, before), p[0]), w);
    const vf quadratic = vf_add(vf_div(after, p[0]), p[2]);
    vf clipped;
    *linear = vf_add(*linear, vf_sub(slope, change));
    clipped = vf_min(p[1], vf_max(vf_sub(zero, p[1]), *linear));
    return vf_div(vf_sub(clipped, *linear), quadratic);
}

ALWAYS_INLINE vf vf_ftrl(vf w, vf g, vf *s, const vf *p)
{
    const vf before = s[0];
    s[0] = vf_add(s[0], vf_square(g));
    return vf_ftrl_step(w, g, vf_sqrt(before), vf_sqrt(s[0]), s + 1, p);
}

ALWAYS_INLINE vf vf_ftrl_power(vf w, vf g, vf *s, const vf *p)
{
    const vf before = s[0];
    s[0] = vf_add(s[0], vf_square(g));
    return vf_ftrl_step(w, g, vf_power(before, p[4]), vf_power(s[0], p[4]), s + 1, p);
}

/* ---------------------------------------------------------------------- around every rule */

/* p: rate of decay, learning rate */
ALWAYS_INLINE vf vf_decay(vf w, vf g, vf *s, const vf *p)
{
    (void)g, (void)s;
    return vf_sub(w, vf_mul(vf_mul(w, p[0]), p[1]));
}

/* p: share of the average, share of the weights; s: average */
ALWAYS_INLINE vf vf_average(vf w, vf g, vf *s, const vf *p)
{
    (void)g;
    s[0] = vf_mix(p[0], s[0], p[1], w);
    return w;
}

#define UPDATE(name, states)                                                                     \
    static void update_##name(float *w, const float *g, float *const *state, ptrdiff_t n,        \
                              const float *numbers)                                              \
    {                                                                                            \
        vf p[UPDATE_NUMBERS], s[states + 1];                                                     \
        ptrdiff_t i = 0;                                                                         \
        for (int k = 0; k < UPDATE_NUMBERS; k++) p[k] = vf_set(numbers[k]);                      \
        for (; i + LANES <= n; i += LANES) {                                                     \
            for (int k = 0; k < states; k++) s[k] = vf_load(state[k] + i);                       \
            vf_store(w + i, vf_##name(vf_load(w + i), vf_load(g + i), s, p));                    \
            for (int k = 0; k < states; k++) vf_store(state[k] + i, s[k]);                       \
        }                                                                                        \
        if (i < n) {                                                                             \
            const ptrdiff_t rest = n - i;                                                        \
            for (int k = 0; k < states; k++) s[k] = vf_load_n(state[k] + i, rest, 1.0f);         \
            vf_store_n(w + i, vf_##name(vf_load_n(w + i, rest, 0.0f),                            \
                                        vf_load_n(g + i, rest, 0.0f), s, p), rest);              \
            for (int k = 0; k < states; k++) vf_store_n(state[k] + i, s[k], rest);               \
        }                                                                                        \
    }
#include "../kernels.inc"
#undef UPDATE

/* ----------------------------------------------------------------- steps without a gradient */

ALWAYS_INLINE vf vf_idle_momentum(vf w, vf *s, const vf *p)
{
    return vf_momentum(w, vf_zero(), s, p);
}

ALWAYS_INLINE vf vf_idle_nesterov(vf w, vf *s, const vf *p)
{
    return vf_nesterov(w, vf_zero(), s, p);
}

/* The weights stay: nothing over a root is nothing. */
ALWAYS_INLINE vf vf_idle_rmsprop(vf w, vf *s, const vf *p)
{
    s[0] = vf_rmsprop_velocity(vf_zero(), s[0], p);
    return w;
}

/* Several steps of a rule that keeps one state, in registers. A step waits for the one before, so
 * that some vectors go side by side. */
#define REPLAY_VECTORS 4
#define REPLAY(name, moves)                                                                      \
    ALWAYS_INLINE void replay_##name##_vectors(float *w, float *state, const float *numbers,     \
                                               ptrdiff_t steps, int vectors, ptrdiff_t rest)     \
    {                                                                                            \
        vf p[UPDATE_NUMBERS], x[REPLAY_VECTORS], s[REPLAY_VECTORS];                              \
        for (int k = 0; k < UPDATE_NUMBERS; k++) p[k] = vf_set(numbers[k]);                      \
        for (int v = 0; v < vectors; v++) {                                                      \
            x[v] = !moves ? vf_zero()                                                            \
                   : rest ? vf_load_n(w + v * LANES, rest, 0.0f)                                 \
                          : vf_load(w + v * LANES);                                              \
            s[v] = rest ? vf_load_n(state + v * LANES, rest, 1.0f) : vf_load(state + v * LANES); \
        }                                                                                        \
        for (ptrdiff_t step = 0; step < steps; step++)                                           \
            for (int v = 0; v < vectors; v++) x[v] = vf_idle_##name(x[v], &s[v], p);             \
        for (int v = 0; v < vectors; v++) {                                                      \
            if (rest) vf_store_n(state + v * LANES, s[v], rest);                                 \
            else vf_store(state + v * LANES, s[v]);                                              \
            if (!moves) continue;                                                                \
            if (rest) vf_store_n(w + v * LANES, x[v], rest);                                     \
            else vf_store(w + v * LANES, x[v]);                                                  \
        }                                                                                        \
    }                                                                                            \
    static void replay_##name(float *w, float *state, ptrdiff_t n, const float *numbers,         \
                              ptrdiff_t steps)                                                   \
    {                                                                                            \
        const ptrdiff_t wide = REPLAY_VECTORS * LANES;                                           \
        ptrdiff_t i = 0;                                                                         \
        for (; i + wide <= n; i += wide)                                                         \
            replay_##name##_vectors(w + i, state + i, numbers, steps, REPLAY_VECTORS, 0);        \
        for (; i + LANES <= n; i += LANES)                                                       \
            replay_##name##_vectors(w + i, state + i, numbers, steps, 1, 0);                     \
        if (i < n) replay_##name##_vectors(w + i, state + i, numbers, steps, 1, n - i);          \
    }
#include "../kernels.inc"
#undef REPLAY

/* y = g p[0] / p[1], but no further from zero than p[2] */
ALWAYS_INLINE vf vf_clipped(vf g, const float *p)
{
    const vf scaled = vf_div(vf_mul(g, vf_set(p[0])), vf_set(p[1]));
    return vf_min(vf_set(p[2]), vf_max(vf_set(-p[2]), scaled));
}

static void clip(const float *g, float *y, ptrdiff_t n, const float *parameters)
{
    const float p[3] = {parameters[0], parameters[1], parameters[2]};
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES) vf_store(y + i, vf_clipped(vf_load(g + i), p));
    if (i < n) vf_store_n(y + i, vf_clipped(vf_load_n(g + i, n - i, 0.0f), p), n - i);
}

/* The sum of squares of a unit of a gradient; the caller adds units in double. */
static float squares(const float *g, ptrdiff_t n)
{
    vf sum = vf_zero();
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES) sum = vf_add(sum, vf_square(vf_load(g + i)));
    if (i < n) sum = vf_add(sum, vf_square(vf_load_n(g + i, n - i, 0.0f)));
    return vf_sum(sum);
}

#endif
