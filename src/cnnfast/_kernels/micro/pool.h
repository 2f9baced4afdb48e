/* Pooling: the maximum or the average of a window of pixels, for a row of output pixels.
 *
 *   y[q * y_step + c] = scale * reduce over r, s of x[q * x_step + r * row + s * column + c]
 *
 * Layout  Lanes run over a pixel's channels. Whatever is reduced over rows is a window too: the
 *         columns of an image row (one pixel of W * C channels, columns = 1) and the columns of
 *         a matrix go through the same function.
 * Tile    Windows of 2x2, 3x3 and 2..5 in line are unrolled, others are loops. 3x3 windows that
 *         overlap slide: the reduced columns that the next pixel shares are carried along in L1,
 *         so that it loads 6 pixels (step 2) or 3 (step 1) instead of 9. Tall windows of one
 *         pixel are reduced in registers, eight vectors of channels from the first row to the
 *         last: on top of y in L1 averages took 1.1 times as long, 1.2 with AVX2, 1.6 with SSE2.
 * Tail    The last vector overlaps the one before it, so y must not overlap x. Pixels of less
 *         than a vector are masked.
 * Numerics  A window is reduced down its columns, then from left to right, in every tile: an
 *         output does not depend on how it was computed. The maximum is NaN where any tap is.
 */
#include "../kernels.h"
#include "join.h"

/* Channels that slide together: a wide layer's, in 1 KB of L1 for each column. */
#define SLIDING 256

/* Windows of more rows than this are tall. */
#define TALL 4

/* What is left to do to an average; a maximum is one already. */
ALWAYS_INLINE vf pool_scaled(int kind, vf v, vf scale)
{
    return kind == POOL_average ? vf_mul(v, scale) : v;
}

ALWAYS_INLINE vf pool_column(int kind, const float *x, Window w)
{
    vf v = vf_load(x);
    for (ptrdiff_t r = 1; r < w.rows; r++) v = pool_join(kind, v, vf_load(x + r * w.row));
    return v;
}

ALWAYS_INLINE vf pool_column_n(int kind, const float *x, Window w, ptrdiff_t n)
{
    vf v = vf_load_n(x, n, 0.0f);
    for (ptrdiff_t r = 1; r < w.rows; r++)
        v = pool_join(kind, v, vf_load_n(x + r * w.row, n, 0.0f));
    return v;
}

ALWAYS_INLINE void pool_vector(int kind, const float *x, Window w, float *y, vf scale)
{
    vf v = pool_column(kind, x, w);
    for (ptrdiff_t s = 1; s < w.columns; s++)
        v = pool_join(kind, v, pool_column(kind, x + s * w.column, w));
    vf_store(y, pool_scaled(kind, v, scale));
}

ALWAYS_INLINE void pool_direct(int kind, const float *x, ptrdiff_t x_step, Window w, float *y,
                               ptrdiff_t y_step, ptrdiff_t pixels, ptrdiff_t channels, vf scale)
{
    const ptrdiff_t last = channels - LANES;
    for (ptrdiff_t q = 0; q < pixels; q++, x += x_step, y += y_step) {
        for (ptrdiff_t c = 0; c < last; c += LANES) pool_vector(kind, x + c, w, y + c, scale);
        pool_vector(kind, x + last, w, y + last, scale);
    }
}

/* V vectors of one pixel of many rows, in registers from the first row to the last. */
ALWAYS_INLINE void pool_down(int kind, int V, const float *x, Window w, float *y, vf scale)
{
    vf totals[8];
    for (int v = 0; v < V; v++) totals[v] = vf_load(x + v * LANES);
    for (ptrdiff_t r = 1; r < w.rows; r++) {
        x += w.row;
        for (int v = 0; v < V; v++)
            totals[v] = pool_join(kind, totals[v], vf_load(x + v * LANES));
    }
    for (int v = 0; v < V; v++) vf_store(y + v * LANES, pool_scaled(kind, totals[v], scale));
}

#define POOL_DOWN(V)                                                                             \
    for (; c + (V) * LANES <= channels; c += (V) * LANES)                                        \
        pool_down(kind, V, x + c, w, y + c, scale);

ALWAYS_INLINE void pool_tall(int kind, const float *x, Window w, float *y, ptrdiff_t channels,
                             vf scale)
{
    ptrdiff_t c = 0;
    POOL_DOWN(8)
    POOL_DOWN(4)
    POOL_DOWN(2)
    POOL_DOWN(1)
    if (c < channels)
        pool_down(kind, 1, x + channels - LANES, w, y + channels - LANES, scale);
}

/* Pixels of less than a vector. */
ALWAYS_INLINE void pool_narrow(int kind, const float *x, ptrdiff_t x_step, Window w, float *y,
                               ptrdiff_t y_step, ptrdiff_t pixels, ptrdiff_t channels, vf scale)
{
    for (ptrdiff_t q = 0; q < pixels; q++, x += x_step, y += y_step) {
        vf v = pool_column_n(kind, x, w, channels);
        for (ptrdiff_t s = 1; s < w.columns; s++)
            v = pool_join(kind, v, pool_column_n(kind, x + s * w.column, w, channels));
        vf_store_n(y, pool_scaled(kind, v, scale), channels);
    }
}

/* What a 3x3 window shares with its right neighbour, for one vector of channels. */
typedef struct Carried {
    vf left, middle;
} Carried;

ALWAYS_INLINE Carried pool_begin(int kind, const float *x, Window w)
{
    const Carried carried = {pool_column(kind, x, w), pool_column(kind, x + w.column, w)};
    return carried;
}

/* step: pixels from one window to the next, 1 or 2, a constant. */
ALWAYS_INLINE Carried pool_next(int kind, int step, Carried carried, const float *x, Window w,
                                float *y, vf scale)
{
    const vf middle = step == 1 ? carried.middle : pool_column(kind, x + w.column, w);
    const vf right = pool_column(kind, x + 2 * w.column, w);
    const vf v = pool_join(kind, pool_join(kind, carried.left, middle), right);
    vf_store(y, pool_scaled(kind, v, scale));
    carried.left = step == 1 ? middle : right;
    if (step == 1) carried.middle = right;
    return carried;
}

/* No more than SLIDING channels. */
ALWAYS_INLINE void pool_slide(int kind, int step, const float *x, Window w, float *y,
                              ptrdiff_t y_step, ptrdiff_t pixels, ptrdiff_t channels, vf scale)
{
    const ptrdiff_t last = channels - LANES;
    Carried carried[SLIDING / LANES], end = pool_begin(kind, x + last, w);
    for (ptrdiff_t c = 0; c < last; c += LANES)
        carried[c / LANES] = pool_begin(kind, x + c, w);
    for (ptrdiff_t q = 0; q < pixels; q++, x += step * w.column, y += y_step) {
        for (ptrdiff_t c = 0; c < last; c += LANES)
            carried[c / LANES] =
                pool_next(kind, step, carried[c / LANES], x + c, w, y + c, scale);
        end = pool_next(kind, step, end, x + last, w, y + last, scale);
    }
}

/* Wider pixels slide in pieces; a last piece of less than a vector overlaps the one before. */
ALWAYS_INLINE void pool_slides(int kind, int step, const float *x, Window w, float *y,
                               ptrdiff_t y_step, ptrdiff_t pixels, ptrdiff_t channels, vf scale)
{
    for (ptrdiff_t c = 0; c < channels; c += SLIDING) {
        const ptrdiff_t width = channels - c < SLIDING ? channels - c : SLIDING;
        const ptrdiff_t at = width < LANES ? channels - LANES : c;
        pool_slide(kind, step, x + at, w, y + at, y_step, pixels, c + width - at, scale);
    }
}

#define POOL_UNROLLED(kind, R, S)                                                                \
    if (w.rows == R && w.columns == S) {                                                         \
        const Window fixed = {R, w.row, S, w.column};                                            \
        pool_direct(kind, x, x_step, fixed, y, y_step, pixels, channels, scale);                 \
        return;                                                                                  \
    }

ALWAYS_INLINE void pool(int kind, const float *x, ptrdiff_t x_step, Window w, float *y,
                        ptrdiff_t y_step, ptrdiff_t pixels, ptrdiff_t channels, vf scale)
{
    const Window three = {3, w.row, 3, w.column};
    const int is_three = w.rows == 3 && w.columns == 3 && pixels > 1;
    if (channels < LANES) {
        pool_narrow(kind, x, x_step, w, y, y_step, pixels, channels, scale);
        return;
    }
    if (is_three && x_step == w.column) {
        pool_slides(kind, 1, x, three, y, y_step, pixels, channels, scale);
        return;
    }
    if (is_three && x_step == 2 * w.column) {
        pool_slides(kind, 2, x, three, y, y_step, pixels, channels, scale);
        return;
    }
    if (w.rows > TALL && w.columns == 1 && pixels == 1) {
        pool_tall(kind, x, w, y, channels, scale);
        return;
    }
    POOL_UNROLLED(kind, 2, 2)
    POOL_UNROLLED(kind, 3, 3)
    POOL_UNROLLED(kind, 1, 2)
    POOL_UNROLLED(kind, 1, 3)
    POOL_UNROLLED(kind, 1, 4)
    POOL_UNROLLED(kind, 1, 5)
    POOL_UNROLLED(kind, 2, 1)
    POOL_UNROLLED(kind, 3, 1)
    pool_direct(kind, x, x_step, w, y, y_step, pixels, channels, scale);
}

#define POOL(name)                                                                               \
    static void pool_##name(const float *x, ptrdiff_t x_step, const Window *window, float *y,    \
                            ptrdiff_t y_step, ptrdiff_t pixels, ptrdiff_t channels, float scale) \
    {                                                                                            \
        pool(POOL_##name, x, x_step, *window, y, y_step, pixels, channels, vf_set(scale));       \
    }
#include "../kernels.inc"
#undef POOL
