/* The tile of weight gradients: a sum of outer products over pixels.
 *
 *   c[m * ldc + n] += sum over i, j of a[i * a_row + j * a_step + m] * b[i * b_row + j * b_step + n]
 *
 * Layout  a is the input where it lies: the weights of a filter row meet one contiguous run of
 *         floats a pixel, so MR neighbours are broadcast from one pointer. b is the gradient of
 *         the output, a vector of filters.
 * Tile    GEMM_ROWS x 2 vectors, as in gemm.h and with the same budget of registers; c is loaded
 *         once, before the first pixel, and stored once.
 * Numerics  Each element is one chain of fused multiply-adds in the order of the pixels, from
 *         its old value on, whatever MR is.
 */
#include "../kernels.h"
#include "repeat.h"

#define OUTER_LOAD_1(m) vf low##m = vf_load(c + m * ldc);
#define OUTER_LOAD_2(m) vf low##m = vf_load(c + m * ldc), high##m = vf_load(c + m * ldc + LANES);
#define OUTER_PART_LOAD_1(m) vf low##m = vf_load_n(c + m * ldc, rest, 0.0f);
#define OUTER_PART_LOAD_2(m)                                                                     \
    vf low##m = vf_load(c + m * ldc), high##m = vf_load_n(c + m * ldc + LANES, rest, 0.0f);
#define OUTER_STEP_1(m) low##m = vf_fma(vf_set(p[m]), b_low, low##m);
#define OUTER_STEP_2(m)                                                                          \
    {                                                                                            \
        vf x = vf_set(p[m]);                                                                     \
        low##m = vf_fma(x, b_low, low##m);                                                       \
        high##m = vf_fma(x, b_high, high##m);                                                    \
    }
#define OUTER_STORE_1(m) vf_store(c + m * ldc, low##m);
#define OUTER_STORE_2(m)                                                                         \
    vf_store(c + m * ldc, low##m);                                                               \
    vf_store(c + m * ldc + LANES, high##m);
#define OUTER_PART_STORE_1(m) vf_store_n(c + m * ldc, low##m, rest);
#define OUTER_PART_STORE_2(m)                                                                    \
    vf_store(c + m * ldc, low##m);                                                               \
    vf_store_n(c + m * ldc + LANES, high##m, rest);

#define OUTER_PIXELS(MR, NV, B_LOADS)                                                            \
    for (ptrdiff_t i = 0; i < pixels->rows; i++) {                                               \
        const float *p = a + i * pixels->a_row, *q = b + i * pixels->b_row;                      \
        for (ptrdiff_t j = 0; j < columns; j++) {                                                \
            B_LOADS                                                                              \
            REPEAT_##MR(OUTER_STEP_##NV)                                                         \
            p += a_step;                                                                         \
            q += b_step;                                                                         \
        }                                                                                        \
    }

#define OUTER_TILE(MR, NV, FULL, PART)                                                           \
    static void outer_##MR##x##NV(const float *a, const float *b, const PixelGrid *pixels,          \
                                  float *c, ptrdiff_t ldc, ptrdiff_t filters)                    \
    {                                                                                            \
        const ptrdiff_t columns = pixels->columns;                                               \
        const ptrdiff_t a_step = pixels->a_step, b_step = pixels->b_step;                        \
        const ptrdiff_t rest = filters - (NV - 1) * LANES;                                       \
        if (rest == LANES) {                                                                     \
            REPEAT_##MR(OUTER_LOAD_##NV)                                                         \
            OUTER_PIXELS(MR, NV, FULL)                                                           \
            REPEAT_##MR(OUTER_STORE_##NV)                                                        \
        } else {                                                                                 \
            REPEAT_##MR(OUTER_PART_LOAD_##NV)                                                    \
            OUTER_PIXELS(MR, NV, PART)                                                           \
            REPEAT_##MR(OUTER_PART_STORE_##NV)                                                   \
        }                                                                                        \
    }

#define GEMM(MR)                                                                                 \
    OUTER_TILE(MR, 1, const vf b_low = vf_load(q);, const vf b_low = vf_load_n(q, rest, 0.0f);)  \
    OUTER_TILE(MR, 2, const vf b_low = vf_load(q); const vf b_high = vf_load(q + LANES);         \
               , const vf b_low = vf_load(q); const vf b_high = vf_load_n(q + LANES, rest, 0.0f);)
#include "../kernels.inc"
#undef GEMM
