"""Means over the steps of a sequence that count, and their gradient.

    y[c] = sum over l of m[l] x[l, c] / sum over l of m[l]      dx[l, c] = m[l] dy[c] / the same sum

Layout: x (L, C), m (L, 1) of zeros and ones; a unit is a sequence. Where no step counts, the mean
is 0 / 0 and nothing is passed back.

Numerics: sums are in float64 and rounded once. Steps that do not count are not read, whatever they
hold.
"""

from cython.parallel cimport prange, threadid

from cnnfast._kernels.step cimport Kernel, Scratch

cdef struct MeanTask:
    Py_ssize_t steps, channels


cdef double count_steps(const float *mask, Py_ssize_t steps) noexcept nogil:
    cdef double count = 0.0
    cdef Py_ssize_t step
    for step in range(steps):
        count += mask[step]
    return count


cdef int mean_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Sequences [start, stop) of x and masks."""
    cdef const MeanTask *task = <const MeanTask *>opaque
    cdef double *sums = <double *>scratch
    cdef Py_ssize_t sequence, step, c, steps = task.steps, channels = task.channels
    cdef const float *x
    cdef const float *mask
    cdef double count
    for sequence in range(start, stop):
        x, mask = inputs[0] + sequence * steps * channels, inputs[1] + sequence * steps
        for c in range(channels):
            sums[c] = 0.0
        for step in range(steps):
            if mask[step] != 0.0:
                for c in range(channels):
                    sums[c] += x[step * channels + c]
        count = count_steps(mask, steps)
        for c in range(channels):
            output[sequence * channels + c] = <float>(sums[c] / count)
    return 0


cdef int gradient_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Sequences [start, stop) of dy and masks."""
    cdef const MeanTask *task = <const MeanTask *>opaque
    cdef Py_ssize_t sequence, step, c, steps = task.steps, channels = task.channels
    cdef const float *dy
    cdef const float *mask
    cdef float *dx
    cdef double part
    for sequence in range(start, stop):
        dy, mask = inputs[0] + sequence * channels, inputs[1] + sequence * steps
        dx = output + sequence * steps * channels
        part = 1.0 / max(count_steps(mask, steps), 1.0)
        for step in range(steps):
            for c in range(channels):
                dx[step * channels + c] = <float>(dy[c] * part) if mask[step] != 0.0 else 0.0
    return 0


cdef class MaskedMean(Kernel):
    """The mean of each channel over the steps that count."""

    cdef MeanTask task

    def __init__(self, Py_ssize_t steps, Py_ssize_t channels):
        self.task = [steps, channels]
        self.step.run = mean_block
        self.step.task = &self.task
        self.step.units = 1
        # A double takes the place of two floats.
        self.step.scratch = 2 * channels
        self.step.work = 2.0 * steps * channels

    def run(self, const float[:, :, ::1] inputs, const float[:, :, ::1] masks,
            float[:, ::1] outputs, int threads):
        """Fill outputs (N, C) from inputs (N, L, C) and masks (N, L, 1)."""
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *table[2]
        cdef Py_ssize_t sequence
        if inputs.shape[0] == 0:
            return
        table[0], table[1] = &inputs[0, 0, 0], &masks[0, 0, 0]
        for sequence in prange(inputs.shape[0], nogil=True, num_threads=threads):
            mean_block(&self.task, table, &outputs[0, 0],
                       scratch.floats + threadid() * scratch.stride, sequence, sequence + 1)


cdef class MaskedMeanGradient(Kernel):
    """What the steps that count receive of it."""

    cdef MeanTask task

    def __init__(self, Py_ssize_t steps, Py_ssize_t channels):
        self.task = [steps, channels]
        self.step.run = gradient_block
        self.step.task = &self.task
        self.step.units = 1
        self.step.work = 4.0 * steps * channels

    def run(self, const float[:, ::1] gradients, const float[:, :, ::1] masks,
            float[:, :, ::1] results, int threads):
        """Fill results (N, L, C) from gradients (N, C) and masks (N, L, 1)."""
        cdef const float *table[2]
        cdef Py_ssize_t sequence
        if gradients.shape[0] == 0:
            return
        table[0], table[1] = &gradients[0, 0], &masks[0, 0, 0]
        for sequence in prange(gradients.shape[0], nogil=True, num_threads=threads):
            gradient_block(&self.task, table, &results[0, 0, 0], NULL, sequence, sequence + 1)
