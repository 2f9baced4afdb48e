/* Winograd's A^T m A: a tile of outputs, finished or pooled; see winograd_points.h. */
#include "repeat.h"
#include "winograd_points.h"
#include "winograd_store.h"

/* Output rows 0 and 2 are made of sums over +-, rows 1 and 3 of differences. */
#define COLUMN_EVEN(j)                                                                           \
    vf near##j, far##j;                                                                          \
    {                                                                                            \
        const vf sum_a = vf_add(PRODUCT(1, j), PRODUCT(2, j));                                   \
        const vf sum_b = vf_add(PRODUCT(3, j), PRODUCT(4, j));                                   \
        near##j = vf_add(vf_add(PRODUCT(0, j), sum_a), sum_b);                                   \
        far##j = vf_fma(vf_set(B_2), sum_b, vf_mul(vf_set(A_2), sum_a));                         \
    }
#define COLUMN_ODD(j)                                                                            \
    vf near##j, far##j;                                                                          \
    {                                                                                            \
        const vf difference_a = vf_sub(PRODUCT(1, j), PRODUCT(2, j));                            \
        const vf difference_b = vf_sub(PRODUCT(3, j), PRODUCT(4, j));                            \
        near##j = vf_fma(vf_set(B_1), difference_b, vf_mul(vf_set(A_1), difference_a));          \
        far##j = vf_fma(vf_set(B_3), difference_b,                                               \
                        vf_fma(vf_set(A_3), difference_a, PRODUCT(5, j)));                       \
    }

/* The two rows of a low tile. */
#define COLUMN_OF_FEW(j)                                                                         \
    const vf near##j =                                                                           \
        vf_add(PRODUCT(0, j), vf_add(PRODUCT(1, j), PRODUCT(2, j)));                             \
    const vf far##j = vf_fma(vf_set(A_1), vf_sub(PRODUCT(1, j), PRODUCT(2, j)), PRODUCT(5, j));

/* A^T along a row: four pixels from six points, or two from four. */
ALWAYS_INLINE Pixels pixels_of(int narrow, vf m0, vf m1, vf m2, vf m3, vf m4, vf m5)
{
    const vf sum_a = vf_add(m1, m2), difference_a = vf_sub(m1, m2);
    if (narrow) {
        const Pixels two = {vf_add(m0, sum_a), vf_fma(vf_set(A_1), difference_a, m5), vf_zero(),
                            vf_zero()};
        return two;
    }
    const vf sum_b = vf_add(m3, m4), difference_b = vf_sub(m3, m4);
    const Pixels pixels = {
        vf_add(vf_add(m0, sum_a), sum_b),
        vf_fma(vf_set(B_1), difference_b, vf_mul(vf_set(A_1), difference_a)),
        vf_fma(vf_set(B_2), sum_b, vf_mul(vf_set(A_2), sum_a)),
        vf_fma(vf_set(B_3), difference_b, vf_fma(vf_set(A_3), difference_a, m5)),
    };
    return pixels;
}

#define NEAR pixels_of(narrow, near0, near1, near2, near3, near4, near5)
#define FAR pixels_of(narrow, far0, far1, far2, far3, far4, far5)

/* One vector of filters. */
ALWAYS_INLINE void output_channels(const float *m, ptrdiff_t plane, Target target, int adds,
                                   ptrdiff_t row, ptrdiff_t rows, int low, int narrow,
                                   const Finish *finish)
{
    if (low) {
        REPEAT_6(COLUMN_OF_FEW)
        store_pixels(NEAR, target, adds, finish);
        if (rows > 1) store_pixels(FAR, shifted(target, row), adds, finish);
        return;
    }
    {
        REPEAT_6(COLUMN_EVEN)
        store_pixels(NEAR, target, adds, finish);
        if (rows > 2) store_pixels(FAR, shifted(target, 2 * row), adds, finish);
    }
    if (rows > 1) {
        REPEAT_6(COLUMN_ODD)
        store_pixels(NEAR, shifted(target, row), adds, finish);
        if (rows > 3) store_pixels(FAR, shifted(target, 3 * row), adds, finish);
    }
}

/* Two windows side by side, or what there is of them yet. */
typedef struct Windows {
    vf left, right;
} Windows;

ALWAYS_INLINE Windows windows_of(int kind, Pixels p, const Finish *finish)
{
    const Pixels right = {p.y2, p.y3, p.y2, p.y3};
    const Windows windows = {pair_of(kind, p, finish), pair_of(kind, right, finish)};
    return windows;
}

ALWAYS_INLINE Windows both(int kind, Windows a, Windows b)
{
    const Windows windows = {pool_join(kind, a.left, b.left), pool_join(kind, a.right, b.right)};
    return windows;
}

ALWAYS_INLINE void store_windows(int kind, Windows windows, float *y, const Finish *finish)
{
    store_pooled(kind, windows.left, y, finish);
    if (finish->columns > 1) store_pooled(kind, windows.right, y + finish->K, finish);
}

/* One vector of filters. */
ALWAYS_INLINE void pool_channels(int kind, const float *m, ptrdiff_t plane, float *y,
                                 ptrdiff_t row, ptrdiff_t rows, int low, int narrow,
                                 const Finish *finish)
{
    Windows above, below;
    if (low) {
        REPEAT_6(COLUMN_OF_FEW)
        above = both(kind, windows_of(kind, NEAR, finish), windows_of(kind, FAR, finish));
        store_windows(kind, above, y, finish);
        return;
    }
    {
        REPEAT_6(COLUMN_EVEN)
        above = windows_of(kind, NEAR, finish);
        below = windows_of(kind, FAR, finish);
    }
    {
        REPEAT_6(COLUMN_ODD)
        above = both(kind, above, windows_of(kind, NEAR, finish));
        below = both(kind, below, windows_of(kind, FAR, finish));
    }
    store_windows(kind, above, y, finish);
    if (rows > 1) store_windows(kind, below, y + row, finish);
}

ALWAYS_INLINE void output_tile(const float *m, ptrdiff_t plane, const float *bias,
                               ptrdiff_t channels, Target target, int adds, ptrdiff_t row,
                               ptrdiff_t rows, int low, int narrow, Finish finish)
{
    EACH_FILTERS(output_channels(m + k, plane, shifted(target, k), adds, row, rows, low, narrow,
                                 &finish))
}

static void winograd_output(const float *m, ptrdiff_t plane, const float *bias, ptrdiff_t channels,
                            const float *addend, float lowest, float highest, float *y,
                            ptrdiff_t row, ptrdiff_t K, ptrdiff_t rows, ptrdiff_t columns)
{
    const Finish finish = {vf_zero(), vf_set(lowest), vf_set(highest), columns, K, LANES};
    const Target target = {y, addend};
#define ALONE(low, narrow)                                                                      \
    output_tile(m, plane, bias, channels, target, 0, row, rows, low, narrow, finish)
#define WITH_ADDEND(low, narrow)                                                                 \
    output_tile(m, plane, bias, channels, target, 1, row, rows, low, narrow, finish)
    if (addend) {
        WITH_CONSTANTS(rows <= 2, columns <= 2, WITH_ADDEND)
    } else {
        WITH_CONSTANTS(rows <= 2, columns <= 2, ALONE)
    }
#undef ALONE
#undef WITH_ADDEND
}

ALWAYS_INLINE void pool_tile(int kind, const float *m, ptrdiff_t plane, const float *bias,
                             ptrdiff_t channels, float *y, ptrdiff_t row, ptrdiff_t rows, int low,
                             int narrow, Finish finish)
{
    EACH_FILTERS(pool_channels(kind, m + k, plane, y + k, row, rows, low, narrow, &finish))
}

#define POOL(name)                                                                               \
    static void winograd_pool_##name(const float *m, ptrdiff_t plane, const float *bias,         \
                                     ptrdiff_t channels, float lowest, float highest, float *y,  \
                                     ptrdiff_t row, ptrdiff_t K, ptrdiff_t rows,                 \
                                     ptrdiff_t columns)                                          \
    {                                                                                            \
        const Finish finish = {vf_zero(), vf_set(lowest), vf_set(highest), columns, K, LANES};   \
        WITH_CONSTANTS(rows == 1, columns == 1, POOL_TILE_##name)                                \
    }
#define POOL_TILE(kind, low, narrow)                                                             \
    pool_tile(kind, m, plane, bias, channels, y, row, rows, low, narrow, finish)
#define POOL_TILE_max(low, narrow) POOL_TILE(POOL_max, low, narrow)
#define POOL_TILE_average(low, narrow) POOL_TILE(POOL_average, low, narrow)
#include "../kernels.inc"
#undef POOL
