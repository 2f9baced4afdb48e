/* Depthwise convolution: every channel with a filter of its own, for one or two rows of pixels.
 *
 *   y[q][c] = clamp(bias[c] + sum over r, s of
 *                   x[q * x_step + r * row + s * column + c] * w[r][s][c])
 *
 * Layout  Lanes run over a pixel's channels. A vector of channels has a panel: LANES bias floats,
 *         then LANES weights for every tap. Where a window reaches over the edge of an image, the
 *         caller names the taps that are left, so there is no border to copy.
 * Tile    4 pixels in two rows: where windows lie one row of taps apart, 3 x 3 taps are 24 pixels
 *         and 18 weights loaded for 72 multiply-adds, 5 x 5 are 48 and 50 for 200. Further apart
 *         they share the weights, and 8 sums keep both pipes busy where 4 would wait for one
 *         another. Channels are the inner loop: a pixel is read from end to end, and the panels
 *         stay in L1 or L2. A last tile overlaps the one before it.
 * Budget  8 accumulators, 4 pixels that slide along with the taps, 1 weight: it fits the 16
 *         registers of AVX2, which 9 weights held over the tile would not.
 * Tail    The last vector of channels overlaps the one before it, and its panel with it. Pixels
 *         of less than a vector are masked.
 * Numerics  Each output is one chain of fused multiply-adds, tap by tap, from the bias on: results
 *         do not depend on the tile.
 */
#include "../kernels.h"
#include "repeat.h"

/* Four neighbours in a row of pixels. */
typedef struct Four {
    vf a, b, c, d;
} Four;

ALWAYS_INLINE vf depthwise_clamp(vf v, const Depthwise *d)
{
    return vf_min(vf_set(d->highest), vf_max(vf_set(d->lowest), v));
}

/* n: a constant LANES wherever a vector is full. */
ALWAYS_INLINE vf depthwise_load(const float *x, ptrdiff_t n)
{
    return n == LANES ? vf_load(x) : vf_load_n(x, n, 0.0f);
}

ALWAYS_INLINE void depthwise_store(float *y, vf v, const Depthwise *d, ptrdiff_t n)
{
    if (n == LANES)
        vf_store(y, depthwise_clamp(v, d));
    else
        vf_store_n(y, depthwise_clamp(v, d), n);
}

ALWAYS_INLINE void depthwise_store_four(float *y, Four v, const Depthwise *d, ptrdiff_t n)
{
    depthwise_store(y, v.a, d, n);
    depthwise_store(y + d->y_step, v.b, d, n);
    depthwise_store(y + 2 * d->y_step, v.c, d, n);
    depthwise_store(y + 3 * d->y_step, v.d, d, n);
}

/* One row of taps. `step`: pixels from one window to the next, a constant, so that the pixels
 * that windows share are loaded once. */
#define DEPTHWISE_TAP(s)                                                                         \
    {                                                                                            \
        const vf w = vf_load(weights + (s)*LANES);                                               \
        v.a = vf_fma(vf_load(x + (s)*column), w, v.a);                                           \
        v.b = vf_fma(vf_load(x + (s + step) * column), w, v.b);                                  \
        v.c = vf_fma(vf_load(x + (s + 2 * step) * column), w, v.c);                              \
        v.d = vf_fma(vf_load(x + (s + 3 * step) * column), w, v.d);                              \
    }
#define DEPTHWISE_ROW(S)                                                                         \
    ALWAYS_INLINE Four depthwise_row_##S(int step, Four v, const float *x, ptrdiff_t column,     \
                                         const float *weights)                                   \
    {                                                                                            \
        REPEAT_##S(DEPTHWISE_TAP) return v;                                                      \
    }
DEPTHWISE_ROW(3)
DEPTHWISE_ROW(5)

/* taps: 3 or 5 next to each other with windows `step` pixels apart, or 0 for whatever d says. */
ALWAYS_INLINE Four depthwise_row(int taps, int step, Four v, const float *x,
                                 const float *weights, const Depthwise *d, ptrdiff_t n)
{
    const ptrdiff_t column = d->window.column;
    if (taps == 3) return depthwise_row_3(step, v, x, column, weights);
    if (taps == 5) return depthwise_row_5(step, v, x, column, weights);
    for (ptrdiff_t s = 0; s < d->window.columns; s++, x += column, weights += LANES) {
        const vf w = vf_load(weights);
        v.a = vf_fma(depthwise_load(x, n), w, v.a);
        v.b = vf_fma(depthwise_load(x + d->x_step, n), w, v.b);
        v.c = vf_fma(depthwise_load(x + 2 * d->x_step, n), w, v.c);
        v.d = vf_fma(depthwise_load(x + 3 * d->x_step, n), w, v.d);
    }
    return v;
}

ALWAYS_INLINE void depthwise_four(int taps, int step, const float *x, const float *panel,
                                  float *y, const Depthwise *d, ptrdiff_t n)
{
    const vf bias = vf_load(panel);
    const float *weights = panel + d->first;
    Four v = {bias, bias, bias, bias};
    for (ptrdiff_t r = 0; r < d->window.rows; r++)
        v = depthwise_row(taps, step, v, x + r * d->window.row, weights + r * d->weight_row, d, n);
    depthwise_store_four(y, v, d, n);
}

/* Two rows of four pixels, whose windows lie one row of taps apart: all rows of pixels but the
 * first and the last are seen by both. */
ALWAYS_INLINE void depthwise_eight(int taps, int step, const float *x, const float *panel,
                                   float *y, const Depthwise *d)
{
    const vf bias = vf_load(panel);
    const float *weights = panel + d->first;
    const ptrdiff_t row = d->window.row, last = d->window.rows - 1;
    Four top = {bias, bias, bias, bias}, low = top;
    top = depthwise_row(taps, step, top, x, weights, d, LANES);
    for (ptrdiff_t r = 0; r < last; r++) {
        x += row;
        low = depthwise_row(taps, step, low, x, weights, d, LANES);
        weights += d->weight_row;
        top = depthwise_row(taps, step, top, x, weights, d, LANES);
    }
    low = depthwise_row(taps, step, low, x + row, weights, d, LANES);
    depthwise_store_four(y, top, d, LANES);
    depthwise_store_four(y + d->y_row, low, d, LANES);
}

/* Two rows of four pixels, whose windows lie further apart: tap by tap. */
ALWAYS_INLINE void depthwise_apart(int taps, int step, const float *x, const float *panel,
                                   float *y, const Depthwise *d)
{
    const vf bias = vf_load(panel);
    const float *weights = panel + d->first;
    Four top = {bias, bias, bias, bias}, low = top;
    for (ptrdiff_t r = 0; r < d->window.rows; r++) {
        top = depthwise_row(taps, step, top, x, weights, d, LANES);
        low = depthwise_row(taps, step, low, x + d->x_row, weights, d, LANES);
        x += d->window.row;
        weights += d->weight_row;
    }
    depthwise_store_four(y, top, d, LANES);
    depthwise_store_four(y + d->y_row, low, d, LANES);
}

ALWAYS_INLINE void depthwise_one(const float *x, const float *panel, float *y,
                                 const Depthwise *d, ptrdiff_t n)
{
    vf v = vf_load(panel);
    for (ptrdiff_t r = 0; r < d->window.rows; r++) {
        const float *pixel = x + r * d->window.row;
        const float *weights = panel + d->first + r * d->weight_row;
        for (ptrdiff_t s = 0; s < d->window.columns; s++)
            v = vf_fma(depthwise_load(pixel + s * d->window.column, n),
                       vf_load(weights + s * LANES), v);
    }
    depthwise_store(y, v, d, n);
}

/* All channels of one pixel. */
ALWAYS_INLINE void depthwise_pixel(const float *x, const float *panel, float *y,
                                   const Depthwise *d, ptrdiff_t channels)
{
    const ptrdiff_t last = channels - LANES;
    if (last < 0) {
        depthwise_one(x, panel, y, d, channels);
        return;
    }
    for (ptrdiff_t c = 0; c < last; c += LANES, panel += d->panel)
        depthwise_one(x + c, panel, y + c, d, LANES);
    depthwise_one(x + last, panel, y + last, d, LANES);
}

/* How many rows of pixels are done together, and how their windows lie. */
enum { ONE_ROW, TWO_NEAR, TWO_APART };

/* All channels of one tile. */
ALWAYS_INLINE void depthwise_tile(int taps, int step, int height, const float *x,
                                  const float *panel, float *y, const Depthwise *d,
                                  ptrdiff_t channels)
{
    const ptrdiff_t last = channels - LANES;
    if (last < 0) {
        depthwise_four(taps, step, x, panel, y, d, channels);
        return;
    }
    for (ptrdiff_t c = 0; c < channels; c += LANES, panel += d->panel) {
        const ptrdiff_t at = c < last ? c : last;
        if (height == TWO_NEAR)
            depthwise_eight(taps, step, x + at, panel, y + at, d);
        else if (height == TWO_APART)
            depthwise_apart(taps, step, x + at, panel, y + at, d);
        else
            depthwise_four(taps, step, x + at, panel, y + at, d, LANES);
    }
}

/* A row of pixels, or two. */
ALWAYS_INLINE void depthwise_pixels(int taps, int step, int height, const float *x,
                                    const float *panel, float *y, const Depthwise *d,
                                    ptrdiff_t pixels, ptrdiff_t channels)
{
    ptrdiff_t q = 0;
    while (pixels >= 4 && q < pixels - 1) {
        q = q < pixels - 4 ? q : pixels - 4;
        depthwise_tile(taps, step, height, x + q * d->x_step, panel, y + q * d->y_step, d, channels);
        q += 4;
    }
    for (; q < pixels; q++)
        for (int row = 0; row <= (height != ONE_ROW); row++)
            depthwise_pixel(x + q * d->x_step + row * d->x_row, panel,
                            y + q * d->y_step + row * d->y_row, d, channels);
}

#define DEPTHWISE_UNROLLED(S, step)                                                              \
    if (d->window.columns == S && d->x_step == step * d->window.column) {                        \
        depthwise_pixels(S, step, height, x, panel, y, d, pixels, channels);                       \
        return;                                                                                  \
    }

ALWAYS_INLINE void depthwise_rows(int height, const float *x, const float *panel, float *y,
                                  const Depthwise *d, ptrdiff_t pixels, ptrdiff_t channels)
{
    if (channels >= LANES) {
        DEPTHWISE_UNROLLED(3, 1)
        DEPTHWISE_UNROLLED(3, 2)
        DEPTHWISE_UNROLLED(5, 1)
        DEPTHWISE_UNROLLED(5, 2)
    }
    depthwise_pixels(0, 0, ONE_ROW, x, panel, y, d, pixels, channels);
    if (height != ONE_ROW)
        depthwise_pixels(0, 0, ONE_ROW, x + d->x_row, panel, y + d->y_row, d, pixels, channels);
}

static void depthwise(const float *x, const float *panel, float *y, const Depthwise *d,
                      ptrdiff_t rows, ptrdiff_t pixels, ptrdiff_t channels)
{
    if (rows == 2 && d->window.rows > 0 && d->x_row == d->window.row)
        depthwise_rows(TWO_NEAR, x, panel, y, d, pixels, channels);
    else if (rows == 2)
        depthwise_rows(TWO_APART, x, panel, y, d, pixels, channels);
    else
        depthwise_rows(ONE_ROW, x, panel, y, d, pixels, channels);
}
