/* What Winograd's kernels do with the outputs of a tile: bias, addend, clamp, pooling, store. */
#ifndef CNNFAST_WINOGRAD_STORE_H
#define CNNFAST_WINOGRAD_STORE_H

#include "join.h"
#include "winograd_points.h"

/* What becomes of the outputs of a vector of filters, n of them real, and how many there are. */
typedef struct Finish {
    vf bias, lowest, highest;
    ptrdiff_t columns, K, n;
} Finish;

/* Four pixels of a row. */
typedef struct Pixels {
    vf y0, y1, y2, y3;
} Pixels;

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

/* The largest output is the same before and after bias and clamp; an average needs them done. */
ALWAYS_INLINE vf before_pooling(int kind, vf y, const Finish *finish)
{
    return kind == POOL_average ? clamped(vf_add(y, finish->bias), finish) : y;
}

/* The first two pixels of a row, half a window. */
ALWAYS_INLINE vf pair_of(int kind, Pixels p, const Finish *finish)
{
    return pool_join(kind, before_pooling(kind, p.y0, finish), before_pooling(kind, p.y1, finish));
}

ALWAYS_INLINE void store_pooled(int kind, vf v, float *y, const Finish *finish)
{
    if (kind == POOL_average)
        v = vf_mul(v, vf_set(0.25f));
    else
        v = clamped(vf_add(v, finish->bias), finish);
    store_filters(v, y, finish);
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

#endif
