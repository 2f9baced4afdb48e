/* Winograd's A^T m A of F(2x2, 5x5): a tile of 2 x 2 outputs, finished or pooled to one.
 *
 * The points and the transform of the inputs are those of F(4x4, 3x3), see winograd_points.h; two
 * outputs along an axis need all six points, a single one all but infinity. */
#include "repeat.h"
#include "winograd_points.h"
#include "winograd_store.h"

/* A^T along a row. */
ALWAYS_INLINE Pixels two_pixels_of(vf m0, vf m1, vf m2, vf m3, vf m4, vf m5)
{
    const Pixels two = {
        vf_add(vf_add(m0, vf_add(m1, m2)), vf_add(m3, m4)),
        vf_fma(vf_set(B_1), vf_sub(m3, m4), vf_fma(vf_set(A_1), vf_sub(m1, m2), m5)),
        vf_zero(),
        vf_zero(),
    };
    return two;
}

/* And along column j. */
#define COLUMN_OF_TWO(j)                                                                         \
    const Pixels column##j = two_pixels_of(PRODUCT(0, j), PRODUCT(1, j), PRODUCT(2, j),          \
                                           PRODUCT(3, j), PRODUCT(4, j), PRODUCT(5, j));
#define ROW_OF_TWO(y)                                                                            \
    two_pixels_of(column0.y, column1.y, column2.y, column3.y, column4.y, column5.y)

/* One vector of filters. */
ALWAYS_INLINE void output_channels_5(const float *m, ptrdiff_t plane, Target target, int adds,
                                     ptrdiff_t row, ptrdiff_t rows, const Finish *finish)
{
    REPEAT_6(COLUMN_OF_TWO)
    store_pixels(ROW_OF_TWO(y0), target, adds, finish);
    if (rows > 1) store_pixels(ROW_OF_TWO(y1), shifted(target, row), adds, finish);
}

/* The same. */
ALWAYS_INLINE void pool_channels_5(int kind, const float *m, ptrdiff_t plane, float *y,
                                   const Finish *finish)
{
    REPEAT_6(COLUMN_OF_TWO)
    const vf above = pair_of(kind, ROW_OF_TWO(y0), finish);
    store_pooled(kind, pool_join(kind, above, pair_of(kind, ROW_OF_TWO(y1), finish)), y, finish);
}

ALWAYS_INLINE void output_tile_5(const float *m, ptrdiff_t plane, const float *bias,
                                 ptrdiff_t channels, Target target, int adds, ptrdiff_t row,
                                 ptrdiff_t rows, Finish finish)
{
    EACH_FILTERS(output_channels_5(m + k, plane, shifted(target, k), adds, row, rows, &finish))
}

static void winograd_output_5(const float *m, ptrdiff_t plane, const float *bias,
                              ptrdiff_t channels, const float *addend, float lowest,
                              float highest, float *y, ptrdiff_t row, ptrdiff_t K, ptrdiff_t rows,
                              ptrdiff_t columns)
{
    const Finish finish = {vf_zero(), vf_set(lowest), vf_set(highest), columns, K, LANES};
    const Target target = {y, addend};
    if (addend)
        output_tile_5(m, plane, bias, channels, target, 1, row, rows, finish);
    else
        output_tile_5(m, plane, bias, channels, target, 0, row, rows, finish);
}

ALWAYS_INLINE void pool_tile_5(int kind, const float *m, ptrdiff_t plane, const float *bias,
                               ptrdiff_t channels, float *y, Finish finish)
{
    EACH_FILTERS(pool_channels_5(kind, m + k, plane, y + k, &finish))
}

/* A tile is one window, so that nothing is left to cut off. */
#define POOL(name)                                                                               \
    static void winograd_pool_5_##name(const float *m, ptrdiff_t plane, const float *bias,       \
                                       ptrdiff_t channels, float lowest, float highest,          \
                                       float *y, ptrdiff_t row, ptrdiff_t K, ptrdiff_t rows,     \
                                       ptrdiff_t columns)                                        \
    {                                                                                            \
        const Finish finish = {vf_zero(), vf_set(lowest), vf_set(highest), columns, K, LANES};   \
        (void)row;                                                                               \
        (void)rows;                                                                              \
        pool_tile_5(POOL_##name, m, plane, bias, channels, y, finish);                           \
    }
#include "../kernels.inc"
#undef POOL
