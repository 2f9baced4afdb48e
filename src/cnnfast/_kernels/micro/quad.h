/* Four neighbours in a row with images in the lanes, for about half of the multiplications.
 *
 *   y[q] = bias + sum over s of x[q + s] * w[s]        q = 0 .. 3
 *
 * Method  Even and odd taps h and k meet even and odd values: with t = sum (h + k) * x[2j + 1],
 *             y[2j]     = t + sum h * (x[2j] - x[2j + 1]),
 *             y[2j + 1] = t + sum k * (x[2j + 2] - x[2j + 1]).
 *         Each of the three sums is wanted twice, with 1, 2 or 3 taps: 2 taps by the same method,
 *         3 by Winograd's F(2, 3). Products: 8 for 3 taps (12 without the method), 9 for 4 (16),
 *         11 for 5 (20), 12 for 6 (24). The additions that it costs run in units of their own on
 *         Zen 4 and 5.
 * Layout  The differences of one row of values, in the order of the products, are what all
 *         filters share. First come those that both sums of a pair have, then the six others.
 *         Weights of a filter: its bias, then one for each product.
 * Budget  The differences stay in registers for all filters, 6 sums beside them. More than one
 *         row of values would need a load for every product, and is not faster than direct sums.
 * Numerics  Errors are 2.3 times those of direct sums. A value that is not finite makes all four
 *         outputs NaN, so that their maximum need not look at NaN.
 * Source  Winograd, Arithmetic Complexity of Computations, 1980; Parker and Parhi, Low-Area/Power
 *         Parallel FIR Digital Filter Implementations, 1997.
 */
#ifndef CNNFAST_QUAD_H
#define CNNFAST_QUAD_H

#include "../kernels.h"
#include "lanes.h"
#include "repeat.h"

/* What both sums of a pair of A taps share: none of the products, one or two. */
#define PAIR_SHARED(A) ((A) - 1)
/* The same for three pairs. */
#define QUAD_SHARED(S) (2 * PAIR_SHARED(((S) + 1) / 2) + PAIR_SHARED((S) / 2))

/* Differences of A + 1 values: those that both sums share, and the others. */
ALWAYS_INLINE void pair_differences(int A, vf z0, vf z1, vf z2, vf z3, float *both, float *own)
{
    if (A == 1) {
        vf_store(own, z0);
        vf_store(own + LANES, z1);
    } else if (A == 2) {
        vf_store(both, z1);
        vf_store(own, vf_sub(z0, z1));
        vf_store(own + LANES, vf_sub(z2, z1));
    } else {
        vf_store(both, vf_add(z1, z2));
        vf_store(both + LANES, vf_sub(z2, z1));
        vf_store(own, vf_sub(z0, z2));
        vf_store(own + LANES, vf_sub(z3, z1));
    }
}

#define QUAD_LOAD(i)                                                                             \
    const vf x##i = i >= first && i < last && i < S + 3 ? vf_load(x + i * step) : vf_zero();
/* Differences of S + 3 values, `step` floats apart; before `first` and from `last` on, zeros. */
ALWAYS_INLINE void quad_differences(int S, const float *x, ptrdiff_t step, ptrdiff_t first,
                                    ptrdiff_t last, float *d)
{
    const int A = (S + 1) / 2;
    float *own = d + QUAD_SHARED(S) * LANES;
    REPEAT_9(QUAD_LOAD)
    const vf e0 = vf_sub(x0, x1), e1 = vf_sub(x2, x3), e2 = vf_sub(x4, x5), e3 = vf_sub(x6, x7);
    const vf o0 = vf_sub(x2, x1), o1 = vf_sub(x4, x3), o2 = vf_sub(x6, x5), o3 = vf_sub(x8, x7);
    /* Zero, or NaN where a value is not finite, to be part of all outputs. */
    const vf none = vf_zero();
    vf spoilt = vf_add(vf_fma(none, e0, vf_mul(none, e1)), vf_fma(none, e2, vf_mul(none, e3)));
    if (S == 6) spoilt = vf_fma(none, o3, spoilt);
    pair_differences(A, vf_add(x1, spoilt), vf_add(x3, spoilt), x5, x7, d, own);
    d += PAIR_SHARED(A) * LANES;
    pair_differences(A, e0, e1, e2, e3, d, own + 2 * LANES);
    d += PAIR_SHARED(A) * LANES;
    pair_differences(S / 2, o0, o1, o2, o3, d, own + 4 * LANES);
}

#define QUAD_FINISH(p, v)                                                                        \
    {                                                                                            \
        const vf bounded = vf_min(maximum, vf_max(minimum, v));                                  \
        if (summed) total = vf_fma(bounded, vf_set(matrix[(p) * quad->filters]), total);         \
        else vf_store(y + (p) * pixel, bounded);                                                 \
    }

/* What becomes of a filter's four outputs: all of them, the maxima of two and two, or one are
 * stored, or added to a total that is returned. */
ALWAYS_INLINE vf quad_finish(const vf sums[6], const Quad *quad, int together, int summed,
                             int join, const float *matrix, float *y, vf total)
{
    const vf minimum = vf_set(quad->lowest), maximum = vf_set(quad->highest);
    const ptrdiff_t pixel = quad->filters * quad->width;
    if (together == 1) {
        QUAD_FINISH(0, vf_add(sums[0], sums[2]))
        QUAD_FINISH(1, vf_add(sums[0], sums[4]))
        QUAD_FINISH(2, vf_add(sums[1], sums[3]))
        QUAD_FINISH(3, vf_add(sums[1], sums[5]))
        return total;
    }
    vf left = vf_add(sums[0], vf_max(sums[2], sums[4]));
    vf right = vf_add(sums[1], vf_max(sums[3], sums[5]));
    if (together == 4) left = vf_max(left, right);
    if (join) left = block_larger(vf_load(y), left);
    QUAD_FINISH(0, left)
    if (together == 4) return total;
    if (join) right = block_larger(vf_load(y + pixel), right);
    QUAD_FINISH(1, right)
    return total;
}

/* How many differences stay in registers for all filters: all, or so many that 16 are enough. */
#define QUAD_KEPT (GEMM_ROWS >= 8 ? QUAD_MOST_PRODUCTS : 7)
#define QUAD_KEEP(i) i < QUAD_KEPT && i < products ? vf_load(d + (i) * LANES) : vf_zero(),

/* One of the products, added to `sum`. */
ALWAYS_INLINE vf quad_product(const vf *kept, const float *d, const float *w, int i, vf sum)
{
    return vf_fma(i < QUAD_KEPT ? kept[i] : vf_load(d + i * LANES), vf_set(w[1 + i]), sum);
}

/* A pair of sums: products from `both` on for both sums, from `own` on one for each. */
ALWAYS_INLINE void pair_sums(int A, const vf *kept, const float *d, const float *w, int both,
                             int own, vf start, vf sums[2])
{
    sums[0] = sums[1] = start;
    if (A > 1) sums[0] = sums[1] = quad_product(kept, d, w, both, start);
    if (A > 2) {
        const vf odd = quad_product(kept, d, w, both + 1, vf_zero());
        sums[0] = vf_add(sums[0], odd);
        sums[1] = vf_sub(sums[1], odd);
    }
    sums[0] = quad_product(kept, d, w, own, sums[0]);
    sums[1] = quad_product(kept, d, w, own + 1, sums[1]);
}

#define QUAD(S)                                                                                  \
    static void quad_input_##S(const float *x, ptrdiff_t step, ptrdiff_t first, ptrdiff_t last,  \
                               float *d)                                                         \
    {                                                                                            \
        if (first == 0 && last == S + 3) quad_differences(S, x, step, 0, S + 3, d);              \
        else quad_differences(S, x, step, first, last, d);                                       \
    }                                                                                            \
    ALWAYS_INLINE void quad_filters_##S(const float *d, const float *w, const Quad *quad,        \
                                        int together, int summed, int join,                      \
                                        const float *matrix, float *y)                           \
    {                                                                                            \
        enum { A = ((S) + 1) / 2, shared = QUAD_SHARED(S), products = shared + 6 };              \
        const ptrdiff_t step = summed ? 0 : quad->width;                                         \
        const vf kept[] = {REPEAT_12(QUAD_KEEP)};                                                \
        vf total = summed ? vf_load(y) : vf_zero();                                              \
        for (ptrdiff_t f = 0; f < quad->filters; f++, y += step, w += 1 + products) {            \
            vf sums[6];                                                                          \
            pair_sums(A, kept, d, w, 0, shared, vf_set(w[0]), sums);                             \
            pair_sums(A, kept, d, w, A - 1, shared + 2, vf_zero(), sums + 2);                    \
            pair_sums((S) / 2, kept, d, w, 2 * (A - 1), shared + 4, vf_zero(), sums + 4);        \
            total = quad_finish(sums, quad, together, summed, join, matrix + f, y, total);       \
        }                                                                                        \
        if (summed) vf_store(y, total);                                                          \
    }                                                                                            \
    static void quad_##S(const float *d, const float *weights, const Quad *quad, int join,       \
                         float *y)                                                               \
    {                                                                                            \
        const float *none = weights;                                                             \
        if (quad->together == 4)                                                                 \
            quad_filters_##S(d, weights, quad, 4, 0, join, none, y);                             \
        else if (quad->together == 2)                                                            \
            quad_filters_##S(d, weights, quad, 2, 0, join, none, y);                             \
        else quad_filters_##S(d, weights, quad, 1, 0, 0, none, y);                               \
    }                                                                                            \
    static void quad_sum_##S(const float *d, const float *weights, const Quad *quad,             \
                             const float *matrix, float *y)                                      \
    {                                                                                            \
        if (quad->together == 4) quad_filters_##S(d, weights, quad, 4, 1, 0, matrix, y);         \
        else if (quad->together == 2) quad_filters_##S(d, weights, quad, 2, 1, 0, matrix, y);    \
        else quad_filters_##S(d, weights, quad, 1, 1, 0, matrix, y);                             \
    }

#include "../kernels.inc"
#undef QUAD

#endif
