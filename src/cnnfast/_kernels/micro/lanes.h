/* Batch in the lanes: LANES images side by side, every value of theirs one vector.
 *
 *   y[f] = clamp(maximum over pixels of (bias[f] + sum over the pixel's taps of x[t] * w[t][f]))
 *
 * Layout  Values are interleaved: value i of V * LANES images lies at x + i * V * LANES. A block
 *         is F filters of one output: of one pixel, or of all pixels of the maximum that is taken
 *         of them. Its taps are runs of values whose weights are neighbours too; a tap outside
 *         the image is in no run. Weights are F biases, then F weights for every tap.
 * Tile    F x V vectors. With V = 4 one filter hides the latency of its additions, and F is 4
 *         with 32 registers, 2 with 16. V = 1, F up to 8, is for values that would not stay in L1
 *         four vectors wide, and for the images that are left over.
 * Budget  F * V accumulators, V values, 1 weight.
 * Numerics  One chain of fused multiply-adds in the order of the taps, from the bias on, in every
 *         tile: the chain of the GEMM tile, so that lanes and channels give equal results.
 */
#ifndef CNNFAST_LANES_H
#define CNNFAST_LANES_H

#include "../kernels.h"
#include "repeat.h"

/* The larger one; NaN where either is. */
ALWAYS_INLINE vf block_larger(vf total, vf v)
{
    return vf_select(vf_less_equal(v, v), vf_max(v, total), v);
}

#define BLOCK_CLAMP(v) vf_min(maximum, vf_max(minimum, v))
#define BLOCK_PLACE(f, v, V) (y + ((f) * V + (v)) * LANES)

#define BLOCK_LOAD_1 const vf x0 = vf_load(at);
#define BLOCK_START_1(f) vf a##f = vf_set(weights[f]);
#define BLOCK_STEP_1(f) a##f = vf_fma(x0, vf_set(w[f]), a##f);
#define BLOCK_JOIN_1(f) a##f = block_larger(vf_load(BLOCK_PLACE(f, 0, 1)), a##f);
#define BLOCK_BOUND_1(f) a##f = BLOCK_CLAMP(a##f);
#define BLOCK_STORE_1(f) vf_store(BLOCK_PLACE(f, 0, 1), a##f);

#define BLOCK_LOAD_4                                                                             \
    const vf x0 = vf_load(at), x1 = vf_load(at + LANES);                                         \
    const vf x2 = vf_load(at + 2 * LANES), x3 = vf_load(at + 3 * LANES);
#define BLOCK_START_4(f) vf a##f = vf_set(weights[f]), b##f = a##f, c##f = a##f, d##f = a##f;
#define BLOCK_STEP_4(f)                                                                          \
    {                                                                                            \
        const vf weight = vf_set(w[f]);                                                          \
        a##f = vf_fma(x0, weight, a##f);                                                         \
        b##f = vf_fma(x1, weight, b##f);                                                         \
        c##f = vf_fma(x2, weight, c##f);                                                         \
        d##f = vf_fma(x3, weight, d##f);                                                         \
    }
#define BLOCK_JOIN_4(f)                                                                          \
    a##f = block_larger(vf_load(BLOCK_PLACE(f, 0, 4)), a##f);                                    \
    b##f = block_larger(vf_load(BLOCK_PLACE(f, 1, 4)), b##f);                                    \
    c##f = block_larger(vf_load(BLOCK_PLACE(f, 2, 4)), c##f);                                    \
    d##f = block_larger(vf_load(BLOCK_PLACE(f, 3, 4)), d##f);
#define BLOCK_BOUND_4(f)                                                                         \
    a##f = BLOCK_CLAMP(a##f);                                                                    \
    b##f = BLOCK_CLAMP(b##f);                                                                    \
    c##f = BLOCK_CLAMP(c##f);                                                                    \
    d##f = BLOCK_CLAMP(d##f);
#define BLOCK_STORE_4(f)                                                                         \
    vf_store(BLOCK_PLACE(f, 0, 4), a##f);                                                        \
    vf_store(BLOCK_PLACE(f, 1, 4), b##f);                                                        \
    vf_store(BLOCK_PLACE(f, 2, 4), c##f);                                                        \
    vf_store(BLOCK_PLACE(f, 3, 4), d##f);

#define BLOCK(F, V)                                                                              \
    static void block_##F##x##V(const float *x, const Run *runs, ptrdiff_t pixels,               \
                                const float *weights, float *y, float lowest, float highest)     \
    {                                                                                            \
        const vf minimum = vf_set(lowest), maximum = vf_set(highest);                            \
        const Run *run = runs - 1;                                                               \
        for (ptrdiff_t p = 0; p < pixels; p++) {                                                 \
            REPEAT_##F(BLOCK_START_##V)                                                          \
            do {                                                                                 \
                run++;                                                                           \
                const float *at = x + (ptrdiff_t)run->x * V * LANES;                             \
                const float *w = weights + (1 + (ptrdiff_t)run->weight) * F;                     \
                for (int32_t k = 0; k < run->length; k++) {                                      \
                    BLOCK_LOAD_##V                                                               \
                    REPEAT_##F(BLOCK_STEP_##V)                                                   \
                    at += V * LANES;                                                             \
                    w += F;                                                                      \
                }                                                                                \
            } while (!run->last);                                                                \
            if (p > 0) {                                                                         \
                REPEAT_##F(BLOCK_JOIN_##V)                                                       \
            }                                                                                    \
            if (p + 1 == pixels) {                                                               \
                REPEAT_##F(BLOCK_BOUND_##V)                                                      \
            }                                                                                    \
            REPEAT_##F(BLOCK_STORE_##V)                                                          \
        }                                                                                        \
    }

#include "../kernels.inc"
#undef BLOCK

/* Images side by side: value i of image m goes from x[m * n + i] to y[i * step + m]. Lanes
 * without an image get zeros. */
static void interleave(const float *x, ptrdiff_t images, ptrdiff_t n, float *y, ptrdiff_t step)
{
    vf v[LANES];
    ptrdiff_t i = 0;
    if (images == LANES)
        for (; i + LANES <= n; i += LANES) {
            const float *image = x + i;
            for (int m = 0; m < LANES; m++, image += n) v[m] = vf_load(image);
            vf_transpose(v);
            for (int m = 0; m < LANES; m++, y += step) vf_store(y, v[m]);
        }
    for (; i < n; i += LANES) {
        const ptrdiff_t values = n - i < LANES ? n - i : LANES;
        const float *image = x + i;
        for (int m = 0; m < LANES; m++, image += n)
            v[m] = m < images ? vf_load_n(image, values, 0.0f) : vf_zero();
        vf_transpose(v);
        for (int m = 0; m < values; m++, y += step) vf_store(y, v[m]);
    }
}

/* The way back: value i of image m goes from x[i * step + m] to y[m * n + i]. */
static void deinterleave(const float *x, ptrdiff_t step, ptrdiff_t n, float *y, ptrdiff_t images)
{
    vf v[LANES];
    if (n == 1) {
        vf_store_n(y, vf_load(x), images);
        return;
    }
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const ptrdiff_t values = n - i < LANES ? n - i : LANES;
        float *image = y + i;
        for (int m = 0; m < LANES; m++, x += step) v[m] = m < values ? vf_load(x) : vf_zero();
        vf_transpose(v);
        for (int m = 0; m < images; m++, image += n) vf_store_n(image, v[m], values);
    }
}

#endif
