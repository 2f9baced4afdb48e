/* The kernels of a step of training, for harness.c. */

/* size : numbers, weights, gradient, states; all but the gradient come back */
static ptrdiff_t run_update(const Call *call)
{
    const ptrdiff_t n = call->numbers[0], states = update_states[call->kernel];
    const float *weights = call->x + UPDATE_NUMBERS, *gradient = weights + n;
    float *state[UPDATE_STATES + 1] = {NULL};
    memcpy(call->y, weights, (size_t)n * sizeof *weights);
    memcpy(call->y + n, gradient + n, (size_t)(states * n) * sizeof *weights);
    for (ptrdiff_t k = 0; k < states; k++) state[k] = call->y + (k + 1) * n;
    call->kernels->updates[call->kernel](call->y, gradient, state, n, call->x);
    return (1 + states) * n;
}

/* size, steps : numbers, weights, state; both come back, of rules without a replay as they were */
static ptrdiff_t run_replay(const Call *call)
{
    const ptrdiff_t n = call->numbers[0];
    memcpy(call->y, call->x + UPDATE_NUMBERS, (size_t)(2 * n) * sizeof *call->y);
    if (call->kernels->replays[call->kernel])
        call->kernels->replays[call->kernel](call->y, call->y + n, n, call->x, call->numbers[1]);
    return 2 * n;
}

/* three parameters, gradient */
static ptrdiff_t run_clip(const Call *call)
{
    call->kernels->clip(call->x + 3, call->y, call->count - 3, call->x);
    return call->count - 3;
}

/* gradient */
static ptrdiff_t run_squares(const Call *call)
{
    call->y[0] = call->kernels->squares(call->x, call->count);
    return 1;
}
