/* The kernels of gradients that are mostly zero, for harness.c. */

static const char *const sparse_names[] = {
#define SPARSE(T, V) #T "x" #V,
#include "kernels.inc"
#undef SPARSE
};
static const int sparse_places[][2] = {
#define SPARSE(T, V) {T, V},
#include "kernels.inc"
#undef SPARSE
};
enum { SPARSE_TILES = sizeof sparse_names / sizeof sparse_names[0] };

/* pixels, filters : dy (pixels, filters), x (pixels + T - 1, V vectors), sums (filters, T, V
 * vectors); all pixels of x are listed and summed up, filter by filter */
static ptrdiff_t run_sparse_kernel(const Call *call)
{
    const ptrdiff_t pixels = call->numbers[0], filters = call->numbers[1];
    const int T = sparse_places[call->kernel][0], V = sparse_places[call->kernel][1];
    const ptrdiff_t width = V * call->kernels->lanes, size = filters * T * width;
    const float *x = call->x + pixels * filters;
    ptrdiff_t taps[SPARSE_TAPS];
    Entry entries[1024];
    int32_t counts[64] = {0};
    for (int t = 0; t < T; t++) taps[t] = t * width;
    memcpy(call->y, x + (pixels + T - 1) * width, (size_t)size * sizeof(float));
    call->kernels->list_by_filter(call->x, pixels, filters, 0, 1, entries, pixels, counts);
    for (ptrdiff_t k = 0; k < filters; k++)
        call->kernels->sparse_kernels[V / 2][T - 1](x, taps, entries + k * pixels, counts[k],
                                                    call->y + k * T * width);
    return size;
}

/* pixels, filters, first, dx's pixels, adds : dy (pixels, filters), weights (filters, T, V vectors),
 * dx in the places of the outputs where it adds */
static ptrdiff_t run_sparse_input(const Call *call)
{
    const ptrdiff_t *n = call->numbers, pixels = n[0], filters = n[1];
    const int T = sparse_places[call->kernel][0], V = sparse_places[call->kernel][1];
    const ptrdiff_t width = V * call->kernels->lanes;
    if (n[4])
        memcpy(call->y, call->x + (pixels + T * width) * filters,
               (size_t)(n[3] * width) * sizeof(float));
    Entry entries[1024];
    int32_t starts[64];
    call->kernels->list_by_pixel(call->x, pixels, filters, entries, starts);
    call->kernels->sparse_inputs[V / 2][T - 1](entries, starts, pixels, call->x + pixels * filters,
                                               n[2], call->y, width, n[3], n[4] != 0);
    return n[3] * width;
}

/* step, pixels, channels, width : x */
static ptrdiff_t run_copy_slice(const Call *call)
{
    const ptrdiff_t *n = call->numbers;
    call->kernels->copy_slice(call->x, n[0], n[1], n[2], call->y, n[3]);
    return n[1] * n[3];
}

/* step, filters, channels : out, sums */
static ptrdiff_t run_add_transposed(const Call *call)
{
    const ptrdiff_t *n = call->numbers, size = n[1] * n[2];
    memcpy(call->y, call->x, (size_t)size * sizeof(float));
    call->kernels->add_transposed(call->x + size, n[0], call->y, n[1], n[2]);
    return size;
}
