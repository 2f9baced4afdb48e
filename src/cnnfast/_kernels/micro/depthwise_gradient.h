/* The tile of depthwise weight gradients: taps that meet every pixel, channel by channel.
 *
 *   dk[r * dk_row + s * channels + c] += sum over i, j of
 *       x[r * row + s * column + i * a_row + j * a_step + c] * dy[i * b_row + j * b_step + c]
 *
 * Layout  Lanes run over channels, as in depthwise.h. A pixel of dy is loaded once for all taps of
 *         the tile; pixels of x come from L1, where neighbouring taps meet again.
 * Tile    Up to 3 x 3 or 2 x 5 taps: 9 or 10 sums hide the latency of a multiply-add, and with dy
 *         and one pixel fit the 16 registers of AVX2.
 * Tail    Channels beyond whole vectors are masked: a vector that overlaps another would add twice.
 * Numerics  Each element is one chain of fused multiply-adds in the order of the pixels, from its
 *         old value on, whatever the tile is.
 */
#include "../kernels.h"
#include "repeat.h"

/* n: a constant LANES wherever a vector is full. */
ALWAYS_INLINE vf taps_load(const float *x, ptrdiff_t n)
{
    return n == LANES ? vf_load(x) : vf_load_n(x, n, 0.0f);
}

ALWAYS_INLINE void taps_store(float *y, vf v, ptrdiff_t n)
{
    if (n == LANES)
        vf_store(y, v);
    else
        vf_store_n(y, v, n);
}

#define TAPS_LOAD_0(s) vf a##s = taps_load(dk + s * channels, n);
#define TAPS_LOAD_1(s) vf b##s = taps_load(dk + dk_row + s * channels, n);
#define TAPS_LOAD_2(s) vf c##s = taps_load(dk + 2 * dk_row + s * channels, n);
#define TAPS_STEP_0(s) a##s = vf_fma(taps_load(p + s * column, n), g, a##s);
#define TAPS_STEP_1(s) b##s = vf_fma(taps_load(p + row + s * column, n), g, b##s);
#define TAPS_STEP_2(s) c##s = vf_fma(taps_load(p + 2 * row + s * column, n), g, c##s);
#define TAPS_STORE_0(s) taps_store(dk + s * channels, a##s, n);
#define TAPS_STORE_1(s) taps_store(dk + dk_row + s * channels, b##s, n);
#define TAPS_STORE_2(s) taps_store(dk + 2 * dk_row + s * channels, c##s, n);
#define TAPS_ROWS_1(DO, S) REPEAT_##S(DO##_0)
#define TAPS_ROWS_2(DO, S) TAPS_ROWS_1(DO, S) REPEAT_##S(DO##_1)
#define TAPS_ROWS_3(DO, S) TAPS_ROWS_2(DO, S) REPEAT_##S(DO##_2)

#define TAPS(R, S)                                                                               \
    ALWAYS_INLINE void taps_vector_##R##x##S(const float *x, ptrdiff_t row, ptrdiff_t column,    \
                                             const float *dy, const PixelGrid *pixels,           \
                                             float *dk, ptrdiff_t dk_row, ptrdiff_t channels,    \
                                             ptrdiff_t n)                                        \
    {                                                                                            \
        const ptrdiff_t columns = pixels->columns;                                               \
        const ptrdiff_t a_step = pixels->a_step, b_step = pixels->b_step;                        \
        TAPS_ROWS_##R(TAPS_LOAD, S)                                                              \
        for (ptrdiff_t i = 0; i < pixels->rows; i++) {                                           \
            const float *p = x + i * pixels->a_row, *q = dy + i * pixels->b_row;                 \
            for (ptrdiff_t j = 0; j < columns; j++) {                                            \
                const vf g = taps_load(q, n);                                                    \
                TAPS_ROWS_##R(TAPS_STEP, S)                                                      \
                p += a_step;                                                                     \
                q += b_step;                                                                     \
            }                                                                                    \
        }                                                                                        \
        TAPS_ROWS_##R(TAPS_STORE, S)                                                             \
        (void)row, (void)column, (void)dk_row;                                                   \
    }                                                                                            \
    static void taps_##R##x##S(const float *x, ptrdiff_t row, ptrdiff_t column, const float *dy, \
                               const PixelGrid *pixels, float *dk, ptrdiff_t dk_row,             \
                               ptrdiff_t channels)                                               \
    {                                                                                            \
        ptrdiff_t c = 0;                                                                         \
        for (; c + LANES <= channels; c += LANES)                                                \
            taps_vector_##R##x##S(x + c, row, column, dy + c, pixels, dk + c, dk_row, channels,  \
                                  LANES);                                                        \
        if (c < channels)                                                                        \
            taps_vector_##R##x##S(x + c, row, column, dy + c, pixels, dk + c, dk_row, channels,  \
                                  channels - c);                                                 \
    }
#include "../kernels.inc"
#undef TAPS
