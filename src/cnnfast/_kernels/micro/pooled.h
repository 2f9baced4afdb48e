/* The GEMM tile of gemm.h whose rows are pixels of max pooling windows, four of them each.
 *
 *   c[w][n] = clamp(max over the window's pixels of (bias[n] + sum of products))
 *
 * Windows  Pixels of 2 x 2 or of 1 x 4, in two pairs: a pair's pixels are lda apart, the pairs
 *          `below`, the windows `step`.
 * Tile     As many windows as fit the rows of the GEMM tile: 3 x 4 x 2 vectors on AVX-512. A
 *          quarter of the outputs is clamped and stored, and none is read again to be pooled.
 * Numerics Each pixel is the chain of the GEMM tile, and clamping never falls: the result is the
 *          same as that of a convolution with pooling behind it. NaN where any pixel is.
 */
#include "../kernels.h"
#include "join.h"
#include "repeat.h"

#define POOLED_START_1(w)                                                                        \
    vf low_a##w = bias_low, low_b##w = bias_low, low_c##w = bias_low, low_d##w = bias_low;
#define POOLED_START_2(w)                                                                        \
    POOLED_START_1(w)                                                                            \
    vf high_a##w = bias_high, high_b##w = bias_high, high_c##w = bias_high, high_d##w = bias_high;
#define POOLED_POINTERS(w)                                                                       \
    const float *above##w = a + offsets[s] + w * step, *below##w = above##w + below;
#define POOLED_PIXEL_1(pixel, w, x) low_##pixel##w = vf_fma(vf_set(x), w_low, low_##pixel##w);
#define POOLED_PIXEL_2(pixel, w, x)                                                              \
    {                                                                                            \
        const vf value = vf_set(x);                                                              \
        low_##pixel##w = vf_fma(value, w_low, low_##pixel##w);                                   \
        high_##pixel##w = vf_fma(value, w_high, high_##pixel##w);                                \
    }
#define POOLED_PIXELS(w, PIXEL)                                                                  \
    PIXEL(a, w, above##w[k])                                                                     \
    PIXEL(b, w, (above##w + lda)[k])                                                             \
    PIXEL(c, w, below##w[k])                                                                     \
    PIXEL(d, w, (below##w + lda)[k])
#define POOLED_STEP_1(w) POOLED_PIXELS(w, POOLED_PIXEL_1)
#define POOLED_STEP_2(w) POOLED_PIXELS(w, POOLED_PIXEL_2)
#define POOLED_JOINED(half, w)                                                                   \
    vf_min(maximum, vf_max(minimum, pool_four(half##_a##w, half##_b##w, half##_c##w, half##_d##w)))
#define POOLED_STORE_1(w) store_columns(c + w * ldc, POOLED_JOINED(low, w), columns);
#define POOLED_STORE_2(w)                                                                        \
    vf_store(c + w * ldc, POOLED_JOINED(low, w));                                                \
    store_columns(c + w * ldc + LANES, POOLED_JOINED(high, w), columns - LANES);

ALWAYS_INLINE vf pool_four(vf a, vf b, vf c, vf d)
{
    return pool_join(POOL_max, pool_join(POOL_max, a, b), pool_join(POOL_max, c, d));
}

ALWAYS_INLINE void store_columns(float *c, vf v, ptrdiff_t columns)
{
    if (columns == LANES)
        vf_store(c, v);
    else
        vf_store_n(c, v, columns);
}

#define POOLED_TILE(W, NV, W_HIGH)                                                               \
    static void pooled_##W##x##NV(const float *a, ptrdiff_t lda, ptrdiff_t step,                 \
                                  ptrdiff_t below, const ptrdiff_t *offsets, ptrdiff_t segments, \
                                  ptrdiff_t length, const float *panel, float *c, ptrdiff_t ldc, \
                                  ptrdiff_t columns, float lowest, float highest)                \
    {                                                                                            \
        const vf bias_low = vf_load(panel);                                                      \
        const vf bias_high = NV == 2 ? vf_load(panel + LANES * (NV - 1)) : bias_low;             \
        (void)bias_high;                                                                         \
        REPEAT_##W(POOLED_START_##NV)                                                            \
        panel += NV * LANES;                                                                     \
        for (ptrdiff_t s = 0; s < segments; s++) {                                               \
            REPEAT_##W(POOLED_POINTERS)                                                          \
            for (ptrdiff_t k = 0; k < length; k++) {                                             \
                const vf w_low = vf_load(panel);                                                 \
                W_HIGH                                                                           \
                REPEAT_##W(POOLED_STEP_##NV)                                                     \
                panel += NV * LANES;                                                             \
            }                                                                                    \
        }                                                                                        \
        const vf minimum = vf_set(lowest), maximum = vf_set(highest);                            \
        REPEAT_##W(POOLED_STORE_##NV)                                                            \
    }

#define POOLED(W)                                                                                \
    POOLED_TILE(W, 1, )                                                                          \
    POOLED_TILE(W, 2, const vf w_high = vf_load(panel + LANES);)
#include "../kernels.inc"
#undef POOLED
