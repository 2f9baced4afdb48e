/* The kernels of the backward pass, for harness.c. What they add to comes first. */

/* rows, filters, ldc, then the fields of PixelGrid, floats of a : c, a, b */
static ptrdiff_t run_outer(const Call *call)
{
    const ptrdiff_t *n = call->numbers;
    const ptrdiff_t size = (n[0] - 1) * n[2] + n[1];
    const PixelGrid pixels = {n[3], n[4], n[5], n[6], n[7], n[8]};
    const float *a = call->x + size;
    memcpy(call->y, call->x, (size_t)size * sizeof(float));
    call->kernels->outer[call->kernel][n[0] - 1](a, a + n[9], &pixels, call->y, n[2], n[1]);
    return size;
}

/* three parameters, x or y, dy */
static ptrdiff_t run_activation_gradient(const Call *call)
{
    const ptrdiff_t n = (call->count - 3) / 2;
    const float *v = call->x + 3;
    call->kernels->activation_gradients[call->kernel](v, v + n, call->y, n, call->x);
    return n;
}

/* x_step, rows, row, columns, column, pixels, channels, floats of x : scale, dx, x, y, dy */
static ptrdiff_t run_pool_gradient(const Call *call)
{
    const ptrdiff_t *n = call->numbers, size = n[7], count = n[5] * n[6];
    const Window window = {n[1], n[2], n[3], n[4]};
    const float *dx = call->x + 1, *x = dx + size, *y = x + size;
    memcpy(call->y, dx, (size_t)size * sizeof(float));
    call->kernels->pool_gradients[call->kernel](x, n[0], &window, y, y + count, call->y, n[5],
                                                n[6], call->x[0]);
    return size;
}

static const char *const taps_names[] = {
#define TAPS(R, S) #R "x" #S,
#include "kernels.inc"
#undef TAPS
};
static const int taps_places[][2] = {
#define TAPS(R, S) {R - 1, S - 1},
#include "kernels.inc"
#undef TAPS
};
enum { TILES = sizeof taps_names / sizeof taps_names[0] };

/* row, column, fields of PixelGrid, dk_row, channels, floats of dk, floats of x : dk, x, dy */
static ptrdiff_t run_taps(const Call *call)
{
    const ptrdiff_t *n = call->numbers, size = n[10];
    const int *place = taps_places[call->kernel];
    const PixelGrid pixels = {n[2], n[3], n[4], n[5], n[6], n[7]};
    const float *x = call->x + size;
    memcpy(call->y, call->x, (size_t)size * sizeof(float));
    call->kernels->taps[place[0]][place[1]](x, n[0], n[1], x + n[11], &pixels, call->y, n[8],
                                            n[9]);
    return size;
}

/* K, row, rows, columns, plane : dy */
static ptrdiff_t run_winograd_gradient(const Call *call)
{
    const ptrdiff_t *n = call->numbers, lanes = call->kernels->lanes;
    call->kernels->winograd_gradient(call->x, n[1], n[0], n[2], n[3], call->y, n[4]);
    return 35 * n[4] + (n[0] + lanes - 1) / lanes * lanes;
}

/* plane, tap, filters : dw, m */
static ptrdiff_t run_winograd_filter(const Call *call)
{
    const ptrdiff_t *n = call->numbers, size = 8 * n[1] + n[2];
    memcpy(call->y, call->x, (size_t)size * sizeof(float));
    call->kernels->winograd_filter(call->x + size, n[0], call->y, n[1], n[2]);
    return size;
}
