"""Batch renormalization: corrections of a batch's statistics towards moving ones, once for a batch.

    r = sqrt(variance + epsilon) / s, between rmin and rmax
    d = (mean - m) / s, between -dmax and dmax, with s = max(renorm_stddev, sqrt(epsilon))

Neither passes a gradient. Normalizing with gamma r and beta + gamma d in the place of gamma and
beta does the rest; both are written where BatchNormalize reads them.
"""

from libc.math cimport sqrt

from cnnfast._kernels.step cimport Kernel

cdef struct RenormTask:
    Py_ssize_t channels
    double epsilon
    float lowest, highest, farthest
    const float *gamma              # NULL: 1
    const float *beta               # NULL: 0
    const float *mean
    const float *deviation
    float *scale
    float *shift


cdef int correction_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """The mean and the variance of a batch: r, then d."""
    cdef const RenormTask *task = <const RenormTask *>opaque
    cdef float gamma, r, d, deviation, least = <float>sqrt(task.epsilon)
    cdef Py_ssize_t c
    for c in range(task.channels):
        deviation = task.deviation[c] if task.deviation[c] > least else least
        r = <float>sqrt(<double>inputs[1][c] + task.epsilon) / deviation
        d = (inputs[0][c] - task.mean[c]) / deviation
        # Not min and max: a NaN must show.
        if r < task.lowest:
            r = task.lowest
        if r > task.highest:
            r = task.highest
        if d > task.farthest:
            d = task.farthest
        if d < -task.farthest:
            d = -task.farthest
        gamma = task.gamma[c] if task.gamma else 1.0
        output[c], output[task.channels + c] = r, d
        task.scale[c] = r * gamma
        task.shift[c] = d * gamma + (task.beta[c] if task.beta else 0.0)
    return 0


cdef int gamma_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """BatchGradientSums, the variance, and r and d."""
    cdef const RenormTask *task = <const RenormTask *>opaque
    cdef Py_ssize_t c, C = task.channels
    cdef const double *sums = <const double *>inputs[0]
    cdef double normalized
    for c in range(C):
        normalized = sums[C + c] / sqrt(<double>inputs[1][c] + task.epsilon)
        output[c] += <float>(inputs[2][c] * normalized + inputs[2][C + c] * sums[c])
    return 0


cdef class RenormCorrection(Kernel):
    """r and d of a batch; fills scale and shift, which stand for gamma and beta."""

    cdef RenormTask task
    cdef const float[::1] gamma, beta, mean, deviation
    cdef float[::1] scale, shift

    def __init__(self, const float[::1] gamma, const float[::1] beta, const float[::1] mean,
                 const float[::1] deviation, double epsilon, tuple bounds, float[::1] scale,
                 float[::1] shift):
        self.gamma, self.beta, self.mean, self.deviation = gamma, beta, mean, deviation
        self.scale, self.shift = scale, shift
        self.task.channels, self.task.epsilon = mean.shape[0], epsilon
        self.task.lowest, self.task.highest, self.task.farthest = bounds
        self.task.gamma = self.task.beta = NULL
        if gamma is not None:
            self.task.gamma = &gamma[0]
        if beta is not None:
            self.task.beta = &beta[0]
        self.task.mean, self.task.deviation = &mean[0], &deviation[0]
        self.task.scale, self.task.shift = &scale[0], &shift[0]
        self.step.run = correction_block
        self.step.task = &self.task
        self.step.units = 1

    def run(self, const float[::1] mean, const float[::1] variance, float[::1] outputs):
        """Fill outputs (2 channels,), and scale and shift."""
        cdef const float *pointers[2]
        pointers[0], pointers[1] = &mean[0], &variance[0]
        correction_block(&self.task, pointers, &outputs[0], NULL, 0, 1)


cdef class RenormGammaGradient(Kernel):
    """gamma (channels,) += sum of dy (r (x - mean) / sqrt(variance + epsilon) + d)."""

    cdef RenormTask task

    def __init__(self, Py_ssize_t channels, double epsilon):
        self.task.channels, self.task.epsilon = channels, epsilon
        self.step.run = gamma_block
        self.step.task = &self.task
        self.step.units = 1

    def run(self, const double[::1] totals, const float[::1] variance,
            const float[::1] corrections, float[::1] outputs):
        """Add to outputs (channels,)."""
        cdef const float *pointers[3]
        pointers[0], pointers[1] = <const float *>&totals[0], &variance[0]
        pointers[2] = &corrections[0]
        gamma_block(&self.task, pointers, &outputs[0], NULL, 0, 1)
