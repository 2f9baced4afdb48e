/* The batch-reduce GEMM tile: MR rows of A times a panel of one or two vectors of columns.
 *
 *   c[m][n] = clamp(bias[n] + sum over s, k of a[m * lda + offsets[s] + k] * w[s][k][n]
 *                   + addend[m][n])
 *
 * Layout  A is read where it lies: a row is a pixel, a segment is a run of `length` floats at
 *         an offset shared by all rows (a filter row of a convolution). The panel is one stream:
 *         NR bias floats, then NR weights for every k of every segment.
 * Tile    GEMM_ROWS x 2 vectors. Tall and narrow, because the panel comes from L2: 14 x 32
 *         needs 9 bytes a cycle of it on two AVX-512 pipes where 6 x 64 needs 21.
 * Addend  Another array's tile, in the places of c's, or NULL. Fetched before the loop: its rows
 *         are too far apart for the hardware to see them coming.
 * Budget  2 * MR accumulators, 2 weights, 1 broadcast. One pointer serves three rows
 *         (p, p + lda, p + 2 lda are addressing modes), so 14 rows need 5 pointers.
 * Numerics  Each output is one chain of fused multiply-adds in the order of the panel, from the
 *         bias on, whatever MR is: results do not depend on how rows are cut into tiles.
 */
#include "../kernels.h"
#include "../prefetch.h"
#include "repeat.h"

/* Floats of the panel between what is fetched and what is used: two pages, because the hardware
 * stops at each. 3 % at 256 channels, 5 % at 512 where panels come from beyond L2, nothing below. */
#define AHEAD 2048

#define POINTER_0 p0
#define POINTER_1 p0 + lda
#define POINTER_2 p0 + 2 * lda
#define POINTER_3 p3
#define POINTER_4 p3 + lda
#define POINTER_5 p3 + 2 * lda
#define POINTER_6 p6
#define POINTER_7 p6 + lda
#define POINTER_8 p6 + 2 * lda
#define POINTER_9 p9
#define POINTER_10 p9 + lda
#define POINTER_11 p9 + 2 * lda
#define POINTER_12 p12
#define POINTER_13 p12 + lda

#define GEMM_START_1(m) vf low##m = bias_low;
#define GEMM_START_2(m) vf low##m = bias_low, high##m = bias_high;
#define GEMM_STEP_1(m) low##m = vf_fma(vf_set((POINTER_##m)[k]), w_low, low##m);
#define GEMM_STEP_2(m)                                                                           \
    {                                                                                            \
        vf x = vf_set((POINTER_##m)[k]);                                                         \
        low##m = vf_fma(x, w_low, low##m);                                                       \
        high##m = vf_fma(x, w_high, high##m);                                                    \
    }
#define GEMM_CLAMP(v) vf_min(maximum, vf_max(minimum, v))
#define GEMM_FULL_1(m) vf_store(c + m * ldc, GEMM_CLAMP(low##m));
#define GEMM_FULL_2(m)                                                                           \
    vf_store(c + m * ldc, GEMM_CLAMP(low##m));                                                   \
    vf_store(c + m * ldc + LANES, GEMM_CLAMP(high##m));
#define GEMM_PART_1(m) vf_store_n(c + m * ldc, GEMM_CLAMP(low##m), columns);
#define GEMM_PART_2(m)                                                                           \
    vf_store(c + m * ldc, GEMM_CLAMP(low##m));                                                   \
    vf_store_n(c + m * ldc + LANES, GEMM_CLAMP(high##m), columns - LANES);

#define GEMM_FETCH(m) prefetch_floats(addend + m * ldc, columns);
#define GEMM_ADD_FULL_1(m) low##m = vf_add(low##m, vf_load(addend + m * ldc));
#define GEMM_ADD_FULL_2(m)                                                                       \
    GEMM_ADD_FULL_1(m)                                                                           \
    high##m = vf_add(high##m, vf_load(addend + m * ldc + LANES));
#define GEMM_ADD_PART_1(m)                                                                       \
    low##m = vf_add(low##m, vf_load_n(addend + m * ldc, columns, 0.0f));
#define GEMM_ADD_PART_2(m)                                                                       \
    GEMM_ADD_FULL_1(m)                                                                           \
    high##m = vf_add(high##m, vf_load_n(addend + m * ldc + LANES, columns - LANES, 0.0f));

/* Rows beyond the tile's own point at its last group of three and are never read. */
#define GEMM_TILE(MR, NV, W_HIGH)                                                                \
    static void gemm_##MR##x##NV(const float *a, ptrdiff_t lda, const ptrdiff_t *offsets,        \
                                 ptrdiff_t segments, ptrdiff_t length, const float *panel,       \
                                 float *c, ptrdiff_t ldc, ptrdiff_t columns,                     \
                                 const float *addend, float lowest, float highest)               \
    {                                                                                            \
        const vf bias_low = vf_load(panel);                                                      \
        const vf bias_high = NV == 2 ? vf_load(panel + LANES * (NV - 1)) : bias_low;             \
        (void)bias_high;                                                                         \
        REPEAT_##MR(GEMM_START_##NV)                                                             \
        panel += NV * LANES;                                                                     \
        if (addend) {                                                                            \
            REPEAT_##MR(GEMM_FETCH)                                                              \
        }                                                                                        \
        for (ptrdiff_t s = 0; s < segments; s++) {                                               \
            const float *p0 = a + offsets[s];                                                    \
            const float *p3 = p0 + (MR > 3 ? 3 : 0) * lda;                                       \
            const float *p6 = p3 + (MR > 6 ? 3 : 0) * lda;                                       \
            const float *p9 = p6 + (MR > 9 ? 3 : 0) * lda;                                       \
            const float *p12 = p9 + (MR > 12 ? 3 : 0) * lda;                                     \
            (void)p12;                                                                           \
            for (ptrdiff_t k = 0; k < length; k++) {                                             \
                const vf w_low = vf_load(panel);                                                 \
                W_HIGH                                                                           \
                prefetch_floats(panel + AHEAD, NV * LANES);                                      \
                REPEAT_##MR(GEMM_STEP_##NV)                                                      \
                panel += NV * LANES;                                                             \
            }                                                                                    \
        }                                                                                        \
        const vf minimum = vf_set(lowest), maximum = vf_set(highest);                            \
        if (columns == NV * LANES) {                                                             \
            if (addend) {                                                                        \
                REPEAT_##MR(GEMM_ADD_FULL_##NV)                                                  \
            }                                                                                    \
            REPEAT_##MR(GEMM_FULL_##NV)                                                          \
        } else {                                                                                 \
            if (addend) {                                                                        \
                REPEAT_##MR(GEMM_ADD_PART_##NV)                                                  \
            }                                                                                    \
            REPEAT_##MR(GEMM_PART_##NV)                                                          \
        }                                                                                        \
    }

#define GEMM(MR)                                                                                 \
    GEMM_TILE(MR, 1, )                                                                           \
    GEMM_TILE(MR, 2, const vf w_high = vf_load(panel + LANES);)
#include "../kernels.inc"
#undef GEMM
