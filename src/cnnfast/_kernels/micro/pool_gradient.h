/* Gradients of pooling: what a row of output pixels passes on to the pixels of their windows.
 *
 *   average   dx[q * x_step + r * row + s * column + c] += scale * dy[q * channels + c]
 *   max       the same, to the first of a window's taps, row by row, that is no less than y
 *
 * Layout  Lanes run over a pixel's channels. dx has the layout of x and holds what overlapping
 *         windows have passed on before.
 */
#include "../kernels.h"

ALWAYS_INLINE vf pass_on(int kind, const float *x, float *dx, vf y, vf left, ptrdiff_t n)
{
    const vf old = n == LANES ? vf_load(dx) : vf_load_n(dx, n, 0.0f);
    vf share = left;
    if (kind == POOL_max) {
        const vf tap = n == LANES ? vf_load(x) : vf_load_n(x, n, 0.0f);
        const vm hit = vf_less_equal(y, tap);
        share = vf_select(hit, left, vf_zero());
        left = vf_select(hit, vf_zero(), left);
    }
    if (n == LANES)
        vf_store(dx, vf_add(old, share));
    else
        vf_store_n(dx, vf_add(old, share), n);
    return left;
}

ALWAYS_INLINE void pass_window(int kind, const float *x, float *dx, const Window *w, vf y,
                               vf left, ptrdiff_t n)
{
    for (ptrdiff_t r = 0; r < w->rows; r++)
        for (ptrdiff_t s = 0; s < w->columns; s++) {
            const ptrdiff_t place = r * w->row + s * w->column;
            left = pass_on(kind, x + place, dx + place, y, left, n);
        }
}

ALWAYS_INLINE void pass_pixels(int kind, const float *x, ptrdiff_t x_step, const Window *w,
                               const float *y, const float *dy, float *dx, ptrdiff_t pixels,
                               ptrdiff_t channels, float scale)
{
    for (ptrdiff_t q = 0; q < pixels; q++) {
        ptrdiff_t c = 0;
        for (; c + LANES <= channels; c += LANES)
            pass_window(kind, x + c, dx + c, w, vf_load(y + c),
                        vf_mul(vf_load(dy + c), vf_set(scale)), LANES);
        if (c < channels)
            pass_window(kind, x + c, dx + c, w, vf_load_n(y + c, channels - c, 0.0f),
                        vf_mul(vf_load_n(dy + c, channels - c, 0.0f), vf_set(scale)),
                        channels - c);
        x += x_step;
        dx += x_step;
        y += channels;
        dy += channels;
    }
}

#define POOL(name)                                                                               \
    static void pool_gradient_##name(const float *x, ptrdiff_t x_step, const Window *w,          \
                                     const float *y, const float *dy, float *dx,                 \
                                     ptrdiff_t pixels, ptrdiff_t channels, float scale)          \
    {                                                                                            \
        pass_pixels(POOL_##name, x, x_step, w, y, dy, dx, pixels, channels, scale);              \
    }
#include "../kernels.inc"
#undef POOL
