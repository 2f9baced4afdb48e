/* The kernels that have a batch in the lanes, for harness.c. */

/* filters, taps, pixels, runs (x, weight, length, last)... : lowest, highest, weights, x */
static ptrdiff_t run_block(const Call *call)
{
    const ptrdiff_t *n = call->numbers, filters = n[0], pixels = n[2];
    const ptrdiff_t vectors = call->kernel ? BLOCK_VECTORS : 1;
    const float *weights = call->x + 2;
    Run runs[MOST_NUMBERS / 4];
    for (ptrdiff_t i = 0; i < n[3]; i++) {
        const ptrdiff_t *run = n + 4 + 4 * i;
        runs[i] = (Run){(int32_t)run[0], (int32_t)run[1], (int32_t)run[2], (int32_t)run[3]};
    }
    call->kernels->blocks[call->kernel][filters - 1](weights + filters * (1 + n[1]), runs, pixels,
                                                     weights, call->y, call->x[0], call->x[1]);
    return filters * vectors * call->kernels->lanes;
}

/* filters, together, first, last, products : lowest, weights, x */
static ptrdiff_t run_quad(const Call *call)
{
    const ptrdiff_t *n = call->numbers, lanes = call->kernels->lanes;
    const Quad quad = {n[0], n[1], lanes, call->x[0]};
    const float *weights = call->x + 1;
    call->kernels->quads[call->kernel](weights + n[0] * (1 + n[4]), n[2], n[3], weights, &quad, 0,
                                       call->y);
    return n[0] * (4 / n[1]) * lanes;
}

/* the same : lowest, weights, matrix, start, x */
static ptrdiff_t run_quad_sum(const Call *call)
{
    const ptrdiff_t *n = call->numbers, lanes = call->kernels->lanes;
    const Quad quad = {n[0], n[1], lanes, call->x[0]};
    const float *weights = call->x + 1, *matrix = weights + n[0] * (1 + n[4]);
    const float *start = matrix + n[0] * (4 / n[1]);
    memcpy(call->y, start, (size_t)lanes * sizeof(float));
    call->kernels->quad_sums[call->kernel](start + lanes, n[2], n[3], weights, &quad, matrix,
                                           call->y);
    return lanes;
}

/* images : x */
static ptrdiff_t run_interleave(const Call *call)
{
    const ptrdiff_t images = call->numbers[0], n = call->count / images;
    call->kernels->interleave(call->x, images, n, call->y, call->kernels->lanes);
    return n * call->kernels->lanes;
}

/* images : x, interleaved */
static ptrdiff_t run_deinterleave(const Call *call)
{
    const ptrdiff_t images = call->numbers[0], n = call->count / call->kernels->lanes;
    call->kernels->deinterleave(call->x, call->kernels->lanes, n, call->y, images);
    return n * images;
}
