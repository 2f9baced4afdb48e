/* The kernels of layers that differ in training, for harness.c. */

/* rows, columns : x; sums and squares come back */
static ptrdiff_t run_column_moments(const Call *call)
{
    const ptrdiff_t *n = call->numbers;
    call->kernels->column_moments(call->x, n[0], n[1], call->y, call->y + n[1]);
    return 2 * n[1];
}

/* rows, columns : mean, dy, x; sums and products come back */
static ptrdiff_t run_column_products(const Call *call)
{
    const ptrdiff_t *n = call->numbers;
    const float *dy = call->x + n[1];
    call->kernels->column_products(dy, dy + n[0] * n[1], call->x, n[0], n[1], call->y,
                                   call->y + n[1]);
    return 2 * n[1];
}

/* period : mean, a, b, c of period + lanes floats each, x, dy */
static ptrdiff_t run_normalize_gradient(const Call *call)
{
    const ptrdiff_t period = call->numbers[0], length = period + call->kernels->lanes;
    const ptrdiff_t n = (call->count - 4 * length) / 2;
    const float *mean = call->x, *x = mean + 4 * length;
    call->kernels->normalize_gradient(x, x + n, call->y, n, mean, mean + length,
                                      mean + 2 * length, mean + 3 * length, period);
    return n;
}

/* two keys, three counters, threshold, each below 2^31 : three parameters, x */
static ptrdiff_t run_noise(const Call *call)
{
    Stream stream;
    stream.key[0] = (uint32_t)call->numbers[0];
    stream.key[1] = (uint32_t)call->numbers[1];
    for (int i = 0; i < 3; i++) stream.counter[i] = (uint32_t)call->numbers[2 + i];
    stream.threshold = (uint32_t)call->numbers[5];
    call->kernels->noises[call->kernel](call->x + 3, call->y, call->count - 3, &stream, call->x);
    return call->count - 3;
}
