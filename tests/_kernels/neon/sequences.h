/* Winograd's transforms along sequences, for harness.c. */

static const char *const sequence_input_names[] = {"sequence_input"};
static const char *const sequence_output_names[] = {"sequence_output"};

/* C, step, first, last, plane : the pixels from `first` on */
static ptrdiff_t run_sequence_input(const Call *call)
{
    const ptrdiff_t *n = call->numbers, lanes = call->kernels->lanes;
    call->kernels->sequence_input(call->x, n[1], n[2], n[3], n[0], call->y, n[4]);
    return 6 * n[4] + (n[0] + lanes - 1) / lanes * lanes;
}

/* plane, channels, step, count, adds : lowest, highest, bias, m, addend in the places of the
 * outputs where it adds */
static ptrdiff_t run_sequence_output(const Call *call)
{
    const ptrdiff_t *n = call->numbers, plane = n[0], channels = n[1];
    const float *bias = call->x + 2, *m = bias + channels;
    call->kernels->sequence_output(m, plane, bias, channels, n[4] ? m + 7 * plane : NULL,
                                   call->x[0], call->x[1], call->y, n[2], n[3]);
    return (n[3] - 1) * n[2] + channels;
}
