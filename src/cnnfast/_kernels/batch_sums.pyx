"""Sums over pixels and images of a batch, for batch normalization and its gradients.

BatchSums and BatchGradientSums hold two floats in float64 for each channel, and count the rows.
Blocks of 64 rows are added up in float32, about their own mean, while they are in L1, and blocks
in float64. Few channels are counted as several columns each, so that vectors are full.

The other kernels turn such totals into float32, once for a batch.
"""

from cnnfast._kernels.batch_normalization cimport Task, fill, inverse, repeat
from cnnfast._kernels.step cimport Kernel, Scratch

# Rows of four vectors that fill half an L1.
cdef Py_ssize_t BLOCK_ROWS = 64


cdef void add_block(
        const Task *task, const float *sums, const float *others, Py_ssize_t rows,
        Py_ssize_t columns, bint squares, double *totals) noexcept nogil:
    """Add the sums of a block's columns to those of their channels."""
    cdef Py_ssize_t c, C = task.channels
    cdef double share = 1.0 / rows if squares else 0.0
    while columns:
        for c in range(C):
            totals[c] += sums[c]
            totals[C + c] += others[c] + share * sums[c] * sums[c]
        sums += C
        others += C
        columns -= C


cdef int moments_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop) of x: sums, sums of squares, count."""
    cdef const Task *task = <const Task *>opaque
    cdef Py_ssize_t left = (stop - start) * task.channels, rows, columns
    cdef const float *x = inputs[0] + start * task.channels
    cdef double *totals = <double *>output
    totals[2 * task.channels] += stop - start
    while left:
        columns = min(task.columns, left)
        rows = min(BLOCK_ROWS, left // columns)
        task.kernels.column_moments(x, rows, columns, scratch, scratch + task.columns)
        add_block(task, scratch, scratch + task.columns, rows, columns, True, totals)
        x += rows * columns
        left -= rows * columns
    return 0


cdef int masked_moments_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop) of x, those alone whose number in the mask is not zero."""
    cdef const float *mask = inputs[1]
    cdef Py_ssize_t first = start, last
    while first < stop:
        last = first
        while last < stop and mask[last] != 0.0:
            last += 1
        if last > first:
            moments_block(opaque, inputs, output, scratch, first, last)
        first = last + 1
    return 0


cdef int products_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop) of dy and x, and the mean: sums, sums of products, count."""
    cdef const Task *task = <const Task *>opaque
    cdef Py_ssize_t left = (stop - start) * task.channels, rows, columns, c
    cdef const float *dy = inputs[0] + start * task.channels
    cdef const float *x = inputs[1] + start * task.channels
    cdef float *mean = scratch + 2 * task.columns
    cdef double *totals = <double *>output
    totals[2 * task.channels] += stop - start
    for c in range(task.channels):
        mean[c] = inputs[2][c]
    repeat(task, mean, task.columns)
    while left:
        columns = min(task.columns, left)
        rows = min(BLOCK_ROWS, left // columns)
        task.kernels.column_products(dy, x, mean, rows, columns, scratch, scratch + task.columns)
        add_block(task, scratch, scratch + task.columns, rows, columns, False, totals)
        dy += rows * columns
        x += rows * columns
        left -= rows * columns
    return 0


cdef class BatchSums(Kernel):
    """Add the rows of x to sums, sums of squares and a count, float64, `rows` rows per image.

    With a mask, one number a row, rows whose number is zero are left out.
    """

    cdef Task task

    def __init__(self, Py_ssize_t rows, Py_ssize_t channels, bint is_masked=False):
        fill(&self.task, channels, 0.0)
        self.step.run = masked_moments_block if is_masked else moments_block
        self.step.task = &self.task
        self.step.units = rows
        self.step.scratch = 2 * self.task.columns
        self.step.work = 4.0 * rows * channels

    def run(self, const float[:, ::1] inputs, double[::1] totals, const float[::1] mask=None):
        """Add the rows of inputs to totals (2 channels + 1)."""
        cdef Scratch scratch = Scratch(self, 1)
        cdef const float *pointers[2]
        if inputs.shape[0]:
            pointers[0] = &inputs[0, 0]
            if mask is not None:
                pointers[1] = &mask[0]
            self.step.run(
                &self.task, pointers, <float *>&totals[0], scratch.floats, 0, inputs.shape[0])


cdef class BatchGradientSums(Kernel):
    """Add the rows of dy and of dy (x - mean) to sums, and count them, `rows` rows per image."""

    cdef Task task

    def __init__(self, Py_ssize_t rows, Py_ssize_t channels):
        fill(&self.task, channels, 0.0)
        self.step.run = products_block
        self.step.task = &self.task
        self.step.units = rows
        self.step.scratch = 3 * self.task.columns
        self.step.work = 6.0 * rows * channels

    def run(self, const float[:, ::1] gradients, const float[:, ::1] inputs,
            const float[::1] mean, double[::1] totals):
        """Add all rows to totals (2 channels + 1)."""
        cdef Scratch scratch = Scratch(self, 1)
        cdef const float *pointers[3]
        if inputs.shape[0]:
            pointers[0], pointers[1], pointers[2] = &gradients[0, 0], &inputs[0, 0], &mean[0]
            products_block(&self.task, pointers, <float *>&totals[0], scratch.floats, 0,
                           inputs.shape[0])


# --------------------------------------------------------------------------- Once for the batch

cdef int mean_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const Task *task = <const Task *>opaque
    cdef const double *totals = <const double *>inputs[0]
    cdef double count = totals[2 * task.channels] + task.epsilon
    cdef Py_ssize_t c
    for c in range(task.channels):
        output[c] = <float>(totals[c] / count)
    return 0


cdef int variance_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const Task *task = <const Task *>opaque
    cdef const double *totals = <const double *>inputs[0]
    cdef double count = totals[2 * task.channels] + task.epsilon, mean, variance
    # What the epsilon moves the mean by must not look like a variance.
    cdef double share = 1.0 + task.epsilon / count
    cdef Py_ssize_t c
    for c in range(task.channels):
        mean = totals[c] / count
        variance = totals[task.channels + c] / count - share * mean * mean
        # Not max: a NaN must show.
        output[c] = 0.0 if variance < 0.0 else <float>variance
    return 0


cdef int gamma_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const Task *task = <const Task *>opaque
    cdef const double *products = <const double *>inputs[0] + task.channels
    cdef Py_ssize_t c
    for c in range(task.channels):
        output[c] += <float>(products[c] * inverse(task, inputs[1][c]))
    return 0


cdef int beta_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const Task *task = <const Task *>opaque
    cdef const double *sums = <const double *>inputs[0]
    cdef Py_ssize_t c
    for c in range(task.channels):
        output[c] += <float>sums[c]
    return 0


cdef class BatchMean(Kernel):
    """The mean of what BatchSums has added up.

    `epsilon` is added to the count, which may be zero where there is a mask.
    """

    cdef Task task

    def __init__(self, Py_ssize_t channels, double epsilon=0.0):
        fill(&self.task, channels, epsilon)
        self.step.run = mean_block
        self.step.task = &self.task
        self.step.units = 1

    def run(self, const double[::1] totals, float[::1] outputs):
        """Fill outputs (channels,)."""
        cdef const float *pointer = <const float *>&totals[0]
        mean_block(&self.task, &pointer, &outputs[0], NULL, 0, 1)


cdef class BatchVariance(Kernel):
    """The variance, about the mean, of what BatchSums has added up; `epsilon` as in BatchMean."""

    cdef Task task

    def __init__(self, Py_ssize_t channels, double epsilon=0.0):
        fill(&self.task, channels, epsilon)
        self.step.run = variance_block
        self.step.task = &self.task
        self.step.units = 1

    def run(self, const double[::1] totals, float[::1] outputs):
        """Fill outputs (channels,)."""
        cdef const float *pointer = <const float *>&totals[0]
        variance_block(&self.task, &pointer, &outputs[0], NULL, 0, 1)


cdef class GammaGradient(Kernel):
    """gamma (channels,) += sum of dy (x - mean) / sqrt(variance + epsilon)."""

    cdef Task task

    def __init__(self, Py_ssize_t channels, double epsilon):
        fill(&self.task, channels, epsilon)
        self.step.run = gamma_block
        self.step.task = &self.task
        self.step.units = 1

    def run(self, const double[::1] totals, const float[::1] variance, float[::1] outputs):
        """Add to outputs (channels,)."""
        cdef const float *pointers[2]
        pointers[0], pointers[1] = <const float *>&totals[0], &variance[0]
        gamma_block(&self.task, pointers, &outputs[0], NULL, 0, 1)


cdef class BetaGradient(Kernel):
    """beta (channels,) += sum of dy."""

    cdef Task task

    def __init__(self, Py_ssize_t channels):
        fill(&self.task, channels, 0.0)
        self.step.run = beta_block
        self.step.task = &self.task
        self.step.units = 1

    def run(self, const double[::1] totals, float[::1] outputs):
        """Add to outputs (channels,)."""
        cdef const float *pointer = <const float *>&totals[0]
        beta_block(&self.task, &pointer, &outputs[0], NULL, 0, 1)
