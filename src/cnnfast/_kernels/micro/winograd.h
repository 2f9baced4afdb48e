/* Winograd's F(4x4, 3x3): a 4 x 4 tile of outputs from a 6 x 6 patch in 36 products a channel.
 *
 *   y = A^T [(G g G^T) * (B^T d B)] A,  * by element, summed over channels
 *
 * Points  0, +-3/4, +-3/2, infinity. Every entry of B^T and A^T is a dyadic fraction and so exact
 *         in float32, and the rms error is half of what 0, +-1, +-2, infinity give. G is only
 *         used in float64, when weights are packed.
 * Layout  The 36 places of a patch are planes: v[6 i + j][tile][channel], m likewise. A call does
 *         one tile and walks its channels; what it holds in registers is a pair of rows.
 * Budget  A pair of rows of 6 is 12 vectors between the vertical and the horizontal pass, which
 *         fits 16 registers. Rows come in pairs because points come in pairs: x and -x share
 *         their even and odd parts, so a pair costs loads again but no arithmetic.
 * Numerics  A tile's result does not depend on its neighbours, nor on the channel's lane.
 */
#include "../kernels.h"
#include "join.h"
#include "repeat.h"

/* With points 0, +-a, +-b, infinity. */
#define A_1 0.75f
#define A_2 0.5625f
#define A_3 0.421875f
#define B_1 1.5f
#define B_2 2.25f
#define B_3 3.375f
#define SUM_OF_SQUARES 2.8125f
#define PRODUCT_OF_SQUARES 1.265625f

/* The last vector of channels overlaps the one before where they are not whole vectors: the same
 * numbers are stored twice. */
#define WITHIN(c, C) ((c) + LANES <= (C) ? (c) : (C) - LANES)

ALWAYS_INLINE vf vf_some(const float *p, ptrdiff_t n)
{
    return n == LANES ? vf_load(p) : vf_load_n(p, n, 0.0f);
}

/* One row of B^T for the point 0; the one for infinity is the same a step further on. */
ALWAYS_INLINE vf at_end(vf d0, vf d2, vf d4)
{
    return vf_fma(vf_set(PRODUCT_OF_SQUARES), d0, vf_fnma(vf_set(SUM_OF_SQUARES), d2, d4));
}

/* B^T along a row: six points from six pixels. */
ALWAYS_INLINE void store_points(vf d0, vf d1, vf d2, vf d3, vf d4, vf d5, float *v,
                                ptrdiff_t plane)
{
    const vf even_a = vf_fnma(vf_set(B_2), d2, d4), odd_a = vf_fnma(vf_set(B_2), d1, d3);
    const vf even_b = vf_fnma(vf_set(A_2), d2, d4), odd_b = vf_fnma(vf_set(A_2), d1, d3);
    vf_store(v, at_end(d0, d2, d4));
    vf_store(v + plane, vf_fma(vf_set(A_1), odd_a, even_a));
    vf_store(v + 2 * plane, vf_fnma(vf_set(A_1), odd_a, even_a));
    vf_store(v + 3 * plane, vf_fma(vf_set(B_1), odd_b, even_b));
    vf_store(v + 4 * plane, vf_fnma(vf_set(B_1), odd_b, even_b));
    vf_store(v + 5 * plane, at_end(d1, d3, d5));
}

#define PIXEL(i, j) vf_some(rows[i] + (j - first) * C, n)
#define IS_INSIDE(j) (j >= first && j < last)
#define COLUMN_AT_ENDS(j)                                                                        \
    vf upper##j = vf_zero(), lower##j = vf_zero();                                               \
    if (IS_INSIDE(j)) {                                                                          \
        upper##j = at_end(PIXEL(0, j), PIXEL(2, j), PIXEL(4, j));                                \
        lower##j = at_end(PIXEL(1, j), PIXEL(3, j), PIXEL(5, j));                                \
    }
#define COLUMN_AT_PAIR(j)                                                                        \
    vf plus##j = vf_zero(), minus##j = vf_zero();                                                \
    if (IS_INSIDE(j)) {                                                                          \
        const vf even = vf_fnma(square, PIXEL(2, j), PIXEL(4, j));                               \
        const vf odd = vf_fnma(square, PIXEL(1, j), PIXEL(3, j));                                \
        plus##j = vf_fma(vf_set(point), odd, even);                                              \
        minus##j = vf_fnma(vf_set(point), odd, even);                                            \
    }

/* Rows of points +-point; the other pair's square is a factor of theirs. */
ALWAYS_INLINE void input_pair(const float *const *rows, ptrdiff_t first, ptrdiff_t last,
                              ptrdiff_t C, ptrdiff_t n, float point, float other_square, float *v,
                              ptrdiff_t plane)
{
    const vf square = vf_set(other_square);
    REPEAT_6(COLUMN_AT_PAIR)
    store_points(plus0, plus1, plus2, plus3, plus4, plus5, v, plane);
    store_points(minus0, minus1, minus2, minus3, minus4, minus5, v + 6 * plane, plane);
}

ALWAYS_INLINE void input_ends(const float *const *rows, ptrdiff_t first, ptrdiff_t last,
                              ptrdiff_t C, ptrdiff_t n, float *v, ptrdiff_t plane)
{
    REPEAT_6(COLUMN_AT_ENDS)
    store_points(upper0, upper1, upper2, upper3, upper4, upper5, v, plane);
    store_points(lower0, lower1, lower2, lower3, lower4, lower5, v + 30 * plane, plane);
}

/* One vector of channels, n of them real. */
ALWAYS_INLINE void input_channels(const float *const *patch, ptrdiff_t first, ptrdiff_t last,
                                  ptrdiff_t C, ptrdiff_t c, ptrdiff_t n, float *v,
                                  ptrdiff_t plane)
{
    const float *const rows[6] = {patch[0] + c, patch[1] + c, patch[2] + c,
                                  patch[3] + c, patch[4] + c, patch[5] + c};
    v += c;
    input_ends(rows, first, last, C, n, v, plane);
    input_pair(rows, first, last, C, n, A_1, B_2, v + 6 * plane, plane);
    input_pair(rows, first, last, C, n, B_1, A_2, v + 18 * plane, plane);
}

static void winograd_input(const float *const *patch, ptrdiff_t first, ptrdiff_t last,
                           ptrdiff_t C, float *v, ptrdiff_t plane)
{
    if (C < LANES) {
        input_channels(patch, first, last, C, 0, C, v, plane);
        return;
    }
    for (ptrdiff_t c = 0; c < C; c += LANES)
        input_channels(patch, first, last, C, WITHIN(c, C), LANES, v, plane);
}

#define PRODUCT(i, j) vf_load(m + (6 * i + j) * plane)
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

/* What becomes of the outputs of a vector of filters, n of them real, and how many there are. */
typedef struct Finish {
    vf bias, lowest, highest;
    ptrdiff_t columns, K, n;
} Finish;

/* Four pixels of a row. */
typedef struct Pixels {
    vf y0, y1, y2, y3;
} Pixels;

/* A^T along a row: four pixels from six points. */
ALWAYS_INLINE Pixels pixels_of(vf m0, vf m1, vf m2, vf m3, vf m4, vf m5)
{
    const vf sum_a = vf_add(m1, m2), difference_a = vf_sub(m1, m2);
    const vf sum_b = vf_add(m3, m4), difference_b = vf_sub(m3, m4);
    const Pixels pixels = {
        vf_add(vf_add(m0, sum_a), sum_b),
        vf_fma(vf_set(B_1), difference_b, vf_mul(vf_set(A_1), difference_a)),
        vf_fma(vf_set(B_2), sum_b, vf_mul(vf_set(A_2), sum_a)),
        vf_fma(vf_set(B_3), difference_b, vf_fma(vf_set(A_3), difference_a, m5)),
    };
    return pixels;
}

ALWAYS_INLINE vf clamped(vf y, const Finish *finish)
{
    return vf_min(finish->highest, vf_max(finish->lowest, y));
}

ALWAYS_INLINE void store_filters(vf y, float *out, const Finish *finish)
{
    if (finish->n == LANES)
        vf_store(out, y);
    else
        vf_store_n(out, y, finish->n);
}

/* Where outputs go, and what is added to them from the same places of another array. */
typedef struct Target {
    float *y;
    const float *addend;
} Target;

ALWAYS_INLINE Target shifted(Target target, ptrdiff_t floats)
{
    const Target moved = {target.y + floats, target.addend ? target.addend + floats : NULL};
    return moved;
}

/* adds: a constant, whether there is an addend. */
ALWAYS_INLINE void store_output(vf y, Target target, int adds, const Finish *finish)
{
    y = vf_add(y, finish->bias);
    if (adds) y = vf_add(y, vf_some(target.addend, finish->n));
    store_filters(clamped(y, finish), target.y, finish);
}

ALWAYS_INLINE void store_pixels(Pixels pixels, Target target, int adds, const Finish *finish)
{
    const ptrdiff_t K = finish->K;
    store_output(pixels.y0, target, adds, finish);
    if (finish->columns < 2) return;
    store_output(pixels.y1, shifted(target, K), adds, finish);
    if (finish->columns < 3) return;
    store_output(pixels.y2, shifted(target, 2 * K), adds, finish);
    if (finish->columns < 4) return;
    store_output(pixels.y3, shifted(target, 3 * K), adds, finish);
}

#define NEAR pixels_of(near0, near1, near2, near3, near4, near5)
#define FAR pixels_of(far0, far1, far2, far3, far4, far5)

/* One vector of filters. */
ALWAYS_INLINE void output_channels(const float *m, ptrdiff_t plane, Target target, int adds,
                                   ptrdiff_t row, ptrdiff_t rows, const Finish *finish)
{
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

/* The largest output is the same before and after bias and clamp; an average needs them done. */
ALWAYS_INLINE vf before_pooling(int kind, vf y, const Finish *finish)
{
    return kind == POOL_average ? clamped(vf_add(y, finish->bias), finish) : y;
}

ALWAYS_INLINE Windows windows_of(int kind, Pixels p, const Finish *finish)
{
    const Windows windows = {
        pool_join(kind, before_pooling(kind, p.y0, finish), before_pooling(kind, p.y1, finish)),
        pool_join(kind, before_pooling(kind, p.y2, finish), before_pooling(kind, p.y3, finish)),
    };
    return windows;
}

ALWAYS_INLINE Windows both(int kind, Windows a, Windows b)
{
    const Windows windows = {pool_join(kind, a.left, b.left), pool_join(kind, a.right, b.right)};
    return windows;
}

ALWAYS_INLINE void store_pooled(int kind, vf v, float *y, const Finish *finish)
{
    if (kind == POOL_average)
        v = vf_mul(v, vf_set(0.25f));
    else
        v = clamped(vf_add(v, finish->bias), finish);
    store_filters(v, y, finish);
}

ALWAYS_INLINE void store_windows(int kind, Windows windows, float *y, const Finish *finish)
{
    store_pooled(kind, windows.left, y, finish);
    if (finish->columns > 1) store_pooled(kind, windows.right, y + finish->K, finish);
}

/* One vector of filters. */
ALWAYS_INLINE void pool_channels(int kind, const float *m, ptrdiff_t plane, float *y,
                                 ptrdiff_t row, ptrdiff_t rows, const Finish *finish)
{
    Windows above, below;
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

/* Walks filters by the vector; DO does one from filter k on. */
#define EACH_FILTERS(DO)                                                                         \
    if (channels < LANES) {                                                                      \
        const ptrdiff_t k = 0;                                                                   \
        finish.n = channels;                                                                     \
        finish.bias = vf_load_n(bias, channels, 0.0f);                                           \
        DO;                                                                                      \
        return;                                                                                  \
    }                                                                                            \
    for (ptrdiff_t i = 0; i < channels; i += LANES) {                                            \
        const ptrdiff_t k = WITHIN(i, channels);                                                 \
        finish.bias = vf_load(bias + k);                                                         \
        DO;                                                                                      \
    }

ALWAYS_INLINE void output_tile(const float *m, ptrdiff_t plane, const float *bias,
                               ptrdiff_t channels, Target target, int adds, ptrdiff_t row,
                               ptrdiff_t rows, Finish finish)
{
    EACH_FILTERS(output_channels(m + k, plane, shifted(target, k), adds, row, rows, &finish))
}

static void winograd_output(const float *m, ptrdiff_t plane, const float *bias, ptrdiff_t channels,
                            const float *addend, float lowest, float highest, float *y,
                            ptrdiff_t row, ptrdiff_t K, ptrdiff_t rows, ptrdiff_t columns)
{
    const Finish finish = {vf_zero(), vf_set(lowest), vf_set(highest), columns, K, LANES};
    const Target target = {y, addend};
    if (addend)
        output_tile(m, plane, bias, channels, target, 1, row, rows, finish);
    else
        output_tile(m, plane, bias, channels, target, 0, row, rows, finish);
}

#define POOL(name)                                                                               \
    static void winograd_pool_##name(const float *m, ptrdiff_t plane, const float *bias,         \
                                     ptrdiff_t channels, float lowest, float highest, float *y,  \
                                     ptrdiff_t row, ptrdiff_t K, ptrdiff_t rows,                 \
                                     ptrdiff_t columns)                                          \
    {                                                                                            \
        Finish finish = {vf_zero(), vf_set(lowest), vf_set(highest), columns, K, LANES};         \
        EACH_FILTERS(pool_channels(POOL_##name, m + k, plane, y + k, row, rows, &finish))         \
    }
#include "../kernels.inc"
#undef POOL

#undef A_1
#undef A_2
#undef A_3
#undef B_1
#undef B_2
#undef B_3
