"""Batch normalization in training: with the mean and variance of the batch it is applied to.

    y = f(gamma (x - mean) / sqrt(variance + epsilon) + beta)

The statistics come from batch_sums.pyx. Constants are made at every call, from weights where they
lie: a square root and a quotient a channel, for all rows of a group.
"""

from libc.math cimport sqrt

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.elementwise cimport repeated_period
from cnnfast._kernels.kernels cimport Kernels
from cnnfast._kernels.step cimport Kernel, Scratch, parse_activation

# An activation that is no clamp follows this many floats later, while they are in L1.
cdef Py_ssize_t PIECE = 1024


cdef int fill(Task *task, Py_ssize_t channels, double epsilon) except -1:
    cdef const Kernels *kernels = active_kernels()
    cdef Py_ssize_t wide = 4 * kernels.lanes
    if channels < 1:
        raise ValueError(f"normalization needs at least one channel. Received {channels}.")
    task.kernels = kernels
    task.channels = channels
    task.columns = (wide + channels - 1) // channels * channels
    task.period = repeated_period(kernels, channels)
    task.gamma = task.beta = NULL
    task.epsilon = epsilon
    task.activation = parse_activation(("linear", 0.0, 0.0, 0.0), kernels)
    return 0


cdef double inverse(const Task *task, float variance) noexcept nogil:
    return 1.0 / sqrt(<double>variance + task.epsilon)


cdef void repeat(const Task *task, float *constants, Py_ssize_t length) noexcept nogil:
    """Repeat the first `channels` constants up to a length."""
    cdef Py_ssize_t i
    for i in range(task.channels, length):
        constants[i] = constants[i - task.channels]


cdef const float *pointer(const float[::1] weights) noexcept:
    if weights is None:
        return NULL
    return &weights[0]


cdef int normalize_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop) of x, the mean and the variance."""
    cdef const Task *task = <const Task *>opaque
    cdef Py_ssize_t C = task.channels, length = task.period + task.kernels.lanes, c, n
    cdef Py_ssize_t first = start * C, last = stop * C, piece = last - first
    cdef float *scale = scratch
    cdef float *shift = scratch + length
    for c in range(C):
        scale[c] = <float>inverse(task, inputs[2][c]) * (task.gamma[c] if task.gamma else 1.0)
        shift[c] = (task.beta[c] if task.beta else 0.0) - inputs[1][c] * scale[c]
    repeat(task, scale, length)
    repeat(task, shift, length)
    if task.activation.run != NULL:
        piece = PIECE
    while first < last:
        n = min(piece, last - first)
        task.kernels.scale_shift(
            inputs[0] + first, output + first, n, scale, shift, task.period, first % C,
            task.activation.lowest, task.activation.highest)
        if task.activation.run != NULL:
            task.activation.run(output + first, output + first, n, task.activation.parameters)
        first += n
    return 0


cdef class BatchNormalize(Kernel):
    """y = f(gamma (x - mean) / sqrt(variance + epsilon) + beta), `rows` rows per image.

    gamma and beta may be None; they are read at every call.
    """

    cdef Task task
    cdef const float[::1] gamma, beta

    def __init__(self, Py_ssize_t rows, Py_ssize_t channels, const float[::1] gamma,
                 const float[::1] beta, double epsilon, tuple activation):
        fill(&self.task, channels, epsilon)
        self.gamma, self.beta = gamma, beta
        self.task.gamma, self.task.beta = pointer(gamma), pointer(beta)
        self.task.activation = parse_activation(activation, self.task.kernels)
        self.step.run = normalize_block
        self.step.task = &self.task
        self.step.units = rows
        self.step.scratch = 2 * (self.task.period + self.task.kernels.lanes)
        self.step.work = 8.0 * rows * channels

    def run(self, const float[:, ::1] inputs, const float[::1] mean, const float[::1] variance,
            float[:, ::1] outputs):
        """Normalize all rows of inputs (any number of them)."""
        cdef Scratch scratch = Scratch(self, 1)
        cdef const float *pointers[3]
        if inputs.shape[0]:
            pointers[0], pointers[1], pointers[2] = &inputs[0, 0], &mean[0], &variance[0]
            normalize_block(&self.task, pointers, &outputs[0, 0], scratch.floats, 0,
                            inputs.shape[0])


cdef int back_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop) of x and dy; mean, variance and BatchGradientSums."""
    cdef const Task *task = <const Task *>opaque
    fill_slopes(task, inputs, (<const double *>inputs[4])[2 * task.channels], scratch)
    pass_back(task, inputs, output, scratch, True, start, stop)
    return 0


cdef int masked_back_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """As back_block, with a mask and the BatchSums that were made with it."""
    cdef const Task *task = <const Task *>opaque
    cdef const float *mask = inputs[5]
    cdef double count = (<const double *>inputs[6])[2 * task.channels]
    cdef Py_ssize_t first = start, last
    cdef bint counts
    # Where nothing counts, no row has a share in the statistics.
    fill_slopes(task, inputs, count if count > 0.0 else 1.0, scratch)
    while first < stop:
        counts = mask[first] != 0.0
        last = first + 1
        while last < stop and (mask[last] != 0.0) == counts:
            last += 1
        pass_back(task, inputs, output, scratch, counts, first, last)
        first = last
    return 0


cdef void fill_slopes(
        const Task *task, const float *const *inputs, double count, float *scratch) noexcept nogil:
    """Fill scratch with mean, slope, two terms for shares in the statistics, and two zeros."""
    cdef Py_ssize_t C = task.channels, length = task.period + task.kernels.lanes, c
    cdef const double *sums = <const double *>inputs[4]
    cdef double slope, factor
    cdef float *mean = scratch
    cdef float *a = scratch + length
    cdef float *b = scratch + 2 * length
    cdef float *shift = scratch + 3 * length
    for c in range(C):
        factor = inverse(task, inputs[3][c])
        slope = factor * (task.gamma[c] if task.gamma else 1.0)
        mean[c] = inputs[2][c]
        a[c] = <float>slope
        b[c] = <float>(-slope * factor * factor * sums[C + c] / count)
        shift[c] = <float>(-slope * sums[c] / count)
    for c in range(4):
        repeat(task, scratch + c * length, length)
    for c in range(length):
        scratch[4 * length + c] = 0.0


cdef void pass_back(
        const Task *task, const float *const *inputs, float *output, const float *scratch,
        bint counts, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop), which have a share in the statistics or have none."""
    cdef Py_ssize_t C = task.channels, length = task.period + task.kernels.lanes
    cdef const float *zeros = scratch + 4 * length
    task.kernels.normalize_gradient(
        inputs[0] + start * C, inputs[1] + start * C, output + start * C, (stop - start) * C,
        scratch, scratch + length, scratch + 2 * length if counts else zeros,
        scratch + 3 * length if counts else zeros, task.period)


cdef class BatchInputGradient(Kernel):
    """What batch normalization passes back to x, through mean and variance too.

    dx = s (dy - mean of dy - (x - mean) / (variance + epsilon) * mean of dy (x - mean)), with
    s = gamma / sqrt(variance + epsilon); dx may be dy. gamma may be None. With a mask, means are
    those of the rows that count, and the other rows receive s dy.
    """

    cdef Task task
    cdef const float[::1] gamma

    def __init__(self, Py_ssize_t rows, Py_ssize_t channels, const float[::1] gamma,
                 double epsilon, bint is_masked=False):
        fill(&self.task, channels, epsilon)
        self.gamma = gamma
        self.task.gamma = pointer(gamma)
        self.step.run = masked_back_block if is_masked else back_block
        self.step.task = &self.task
        self.step.units = rows
        self.step.scratch = 5 * (self.task.period + self.task.kernels.lanes)
        self.step.work = 12.0 * rows * channels

    def run(self, const float[:, ::1] inputs, const float[:, ::1] gradients,
            const float[::1] mean, const float[::1] variance, const double[::1] totals,
            float[:, ::1] outputs, const float[::1] mask=None, const double[::1] counted=None):
        """Fill outputs for all rows (any number of them)."""
        cdef Scratch scratch = Scratch(self, 1)
        cdef const float *pointers[7]
        if inputs.shape[0]:
            pointers[0], pointers[1], pointers[2] = &inputs[0, 0], &gradients[0, 0], &mean[0]
            pointers[3], pointers[4] = &variance[0], <const float *>&totals[0]
            if mask is not None:
                pointers[5], pointers[6] = &mask[0], <const float *>&counted[0]
            self.step.run(
                &self.task, pointers, &outputs[0, 0], scratch.floats, 0, inputs.shape[0])
