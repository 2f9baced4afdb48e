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
ALWAYS_INLINE void pair_differences(int A, vf z0, vf z1, vf z2, vf z3, vf *both, vf *own)
{
    if (A == 1) {
        own[0] = z0;
        own[1] = z1;
    } else if (A == 2) {
        both[0] = z1;
        own[0] = vf_sub(z0, z1);
        own[1] = vf_sub(z2, z1);
    } else {
        both[0] = vf_add(z1, z2);
        both[1] = vf_sub(z2, z1);
        own[0] = vf_sub(z0, z2);
        own[1] = vf_sub(z3, z1);
    }
}

#define QUAD_LOAD(i) const vf x##i = (i) < S + 3 ? vf_load(x + (i) * step) : vf_zero();
/* Differences of S + 3 values, `step` floats apart. */
ALWAYS_INLINE void quad_differences(int S, const float *x, ptrdiff_t step, vf *d)
{
    const int A = (S + 1) / 2;
    vf *own = d + QUAD_SHARED(S);
    REPEAT_9(QUAD_LOAD)
    const vf e0 = vf_sub(x0, x1), e1 = vf_sub(x2, x3), e2 = vf_sub(x4, x5), e3 = vf_sub(x6, x7);
    const vf o0 = vf_sub(x2, x1), o1 = vf_sub(x4, x3), o2 = vf_sub(x6, x5), o3 = vf_sub(x8, x7);
    /* Zero, or NaN where a value is not finite, to be part of all outputs. */
    const vf none = vf_zero();
    vf spoilt = vf_add(vf_fma(none, e0, vf_mul(none, e1)), vf_fma(none, e2, vf_mul(none, e3)));
    if (S == 6) spoilt = vf_fma(none, o3, spoilt);
    pair_differences(A, vf_add(x1, spoilt), vf_add(x3, spoilt), x5, x7, d, own);
    d += PAIR_SHARED(A);
    pair_differences(A, e0, e1, e2, e3, d, own + 2);
    d += PAIR_SHARED(A);
    pair_differences(S / 2, o0, o1, o2, o3, d, own + 4);
}

/* Values of a four, of which those before `first` and from `last` on are outside the row: where
 * they lie, or a copy between zeros, whose `step` is that of one vector. */
ALWAYS_INLINE const float *quad_values(int S, const float *x, ptrdiff_t *step, ptrdiff_t first,
                                       ptrdiff_t last, float *copy)
{
    if (first == 0 && last == S + 3) return x;
    for (ptrdiff_t i = 0; i < S + 3; i++)
        vf_store(copy + i * LANES, i >= first && i < last ? vf_load(x + i * *step) : vf_zero());
    *step = LANES;
    return copy;
}

#define QUAD_FINISH(p, v)                                                                        \
    {                                                                                            \
        const vf bounded = vf_max(minimum, v);                                                   \
        if (summed) total = vf_fma(bounded, vf_set(matrix[(p) * quad->filters]), total);         \
        else vf_store(y + (p) * pixel, bounded);                                                 \
    }

/* What becomes of a filter's four outputs: all of them, the maxima of two and two, or one are
 * stored, or added to a total that is returned. */
ALWAYS_INLINE vf quad_finish(const vf sums[6], vf bias, const Quad *quad, int together, int summed,
                             int join, const float *matrix, float *y, vf total)
{
    const vf minimum = vf_set(quad->lowest);
    const ptrdiff_t pixel = quad->filters * quad->width;
    if (together == 4) {
        const vf left = vf_add(sums[0], vf_max(sums[2], sums[4]));
        const vf right = vf_add(sums[1], vf_max(sums[3], sums[5]));
        vf largest = vf_add(vf_max(left, right), bias);
        if (join) largest = block_larger(vf_load(y), largest);
        QUAD_FINISH(0, largest)
        return total;
    }
    const vf even = vf_add(sums[0], bias), odd = vf_add(sums[1], bias);
    if (together == 2) {
        vf left = vf_add(even, vf_max(sums[2], sums[4]));
        vf right = vf_add(odd, vf_max(sums[3], sums[5]));
        if (join) left = block_larger(vf_load(y), left);
        if (join) right = block_larger(vf_load(y + pixel), right);
        QUAD_FINISH(0, left)
        QUAD_FINISH(1, right)
        return total;
    }
    QUAD_FINISH(0, vf_add(even, sums[2]))
    QUAD_FINISH(1, vf_add(even, sums[4]))
    QUAD_FINISH(2, vf_add(odd, sums[3]))
    QUAD_FINISH(3, vf_add(odd, sums[5]))
    return total;
}

/* A pair of sums: products from `both` on for both sums, from `own` on one for each. */
ALWAYS_INLINE void pair_sums(int A, const vf *d, const float *w, int both, int own, vf sums[2])
{
    const vf weight = vf_set(w[own]), weight2 = vf_set(w[own + 1]);
    if (A == 1) {
        sums[0] = vf_mul(d[own], weight);
        sums[1] = vf_mul(d[own + 1], weight2);
        return;
    }
    sums[0] = sums[1] = vf_mul(d[both], vf_set(w[both]));
    if (A > 2) {
        const vf odd = vf_mul(d[both + 1], vf_set(w[both + 1]));
        sums[0] = vf_add(sums[0], odd);
        sums[1] = vf_sub(sums[1], odd);
    }
    sums[0] = vf_fma(d[own], weight, sums[0]);
    sums[1] = vf_fma(d[own + 1], weight2, sums[1]);
}

/* All filters of a four, for one vector of images. */
ALWAYS_INLINE void quad_filters(int S, const float *x, ptrdiff_t step, const float *w,
                                const Quad *quad, int together, int summed, int join,
                                const float *matrix, float *y)
{
    const int A = (S + 1) / 2, shared = QUAD_SHARED(S);
    vf d[QUAD_MOST_PRODUCTS], total = summed ? vf_load(y) : vf_zero();
    quad_differences(S, x, step, d);
    float *out = y;
    for (ptrdiff_t f = 0; f < quad->filters; f++, w += 1 + shared + 6) {
        vf sums[6];
        pair_sums(A, d, w + 1, 0, shared, sums);
        pair_sums(A, d, w + 1, A - 1, shared + 2, sums + 2);
        pair_sums(S / 2, d, w + 1, 2 * (A - 1), shared + 4, sums + 4);
        total = quad_finish(sums, vf_set(w[0]), quad, together, summed, join, matrix + f, out,
                            total);
        if (!summed) out += quad->width;
    }
    if (summed) vf_store(y, total);
}

/* The same for all vectors of images. */
ALWAYS_INLINE void quad_vectors(int S, const float *x, ptrdiff_t first, ptrdiff_t last,
                                const float *w, const Quad *quad, int together, int summed,
                                int join, const float *matrix, float *y)
{
    float copy[9 * LANES];
    for (ptrdiff_t i = 0; i < quad->width; i += LANES) {
        ptrdiff_t step = quad->width;
        const float *values = quad_values(S, x + i, &step, first, last, copy);
        quad_filters(S, values, step, w, quad, together, summed, join, matrix, y + i);
    }
}

#define QUAD(S)                                                                                  \
    static void quad_##S(const float *x, ptrdiff_t first, ptrdiff_t last, const float *weights,  \
                         const Quad *quad, int join, float *y)                                   \
    {                                                                                            \
        if (quad->together == 4)                                                                 \
            quad_vectors(S, x, first, last, weights, quad, 4, 0, join, weights, y);              \
        else if (quad->together == 2)                                                            \
            quad_vectors(S, x, first, last, weights, quad, 2, 0, join, weights, y);              \
        else quad_vectors(S, x, first, last, weights, quad, 1, 0, 0, weights, y);                \
    }                                                                                            \
    static void quad_sum_##S(const float *x, ptrdiff_t first, ptrdiff_t last,                    \
                             const float *weights, const Quad *quad, const float *matrix,        \
                             float *y)                                                           \
    {                                                                                            \
        if (quad->together == 4)                                                                 \
            quad_vectors(S, x, first, last, weights, quad, 4, 1, 0, matrix, y);                  \
        else if (quad->together == 2)                                                            \
            quad_vectors(S, x, first, last, weights, quad, 2, 1, 0, matrix, y);                  \
        else quad_vectors(S, x, first, last, weights, quad, 1, 1, 0, matrix, y);                 \
    }

#include "../kernels.inc"
#undef QUAD

#endif
