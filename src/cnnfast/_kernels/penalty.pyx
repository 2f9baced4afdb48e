"""Penalties on what layers put out, and their gradients.

    penalty = sum of l1 |x| + l2 x^2 over an image
    dx = share (l1 sign(x) + 2 l2 x), where sign(0) = 0
"""

from cnnfast._kernels.step cimport Kernel

cdef struct PenaltyTask:
    Py_ssize_t size
    float l1, l2


cdef int penalty_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop) of x."""
    cdef const PenaltyTask *task = <const PenaltyTask *>opaque
    cdef const float *x
    cdef double total
    cdef Py_ssize_t image, i
    for image in range(start, stop):
        x = inputs[0] + image * task.size
        total = 0.0
        for i in range(task.size):
            total += task.l1 * <double>(x[i] if x[i] > 0.0 else -x[i]) + task.l2 * (
                <double>x[i] * x[i])
        output[image] = <float>total
    return 0


cdef int gradient_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop) of x and the share of each."""
    cdef const PenaltyTask *task = <const PenaltyTask *>opaque
    cdef const float *x
    cdef float *dx
    cdef float l1, l2
    cdef Py_ssize_t image, i
    for image in range(start, stop):
        x, dx = inputs[0] + image * task.size, output + image * task.size
        l1, l2 = task.l1 * inputs[1][image], 2.0 * task.l2 * inputs[1][image]
        for i in range(task.size):
            dx[i] = l2 * x[i] + l1 * <float>((x[i] > 0.0) - (x[i] < 0.0))
    return 0


cdef class Penalty(Kernel):
    """The penalty on each image of `size` floats."""

    cdef PenaltyTask task

    def __init__(self, Py_ssize_t size, float l1, float l2):
        self.task.size, self.task.l1, self.task.l2 = size, l1, l2
        self.step.run = penalty_block
        self.step.task = &self.task
        self.step.units = 1
        self.step.work = 4.0 * size

    def run(self, const float[:, ::1] inputs, float[:, ::1] outputs):
        """Fill outputs (N, 1)."""
        cdef const float *x
        if inputs.shape[0] * inputs.shape[1]:
            x = &inputs[0, 0]
            penalty_block(&self.task, &x, &outputs[0, 0], NULL, 0, inputs.shape[0])


cdef class PenaltyGradient(Kernel):
    """The gradient of the penalty, times a share for each image."""

    cdef PenaltyTask task

    def __init__(self, Py_ssize_t size, float l1, float l2):
        self.task.size, self.task.l1, self.task.l2 = size, l1, l2
        self.step.run = gradient_block
        self.step.task = &self.task
        self.step.units = 1
        self.step.work = 8.0 * size

    def run(self, const float[:, ::1] inputs, const float[:, ::1] shares,
            float[:, ::1] outputs):
        """Fill outputs; shares are (N, 1)."""
        cdef const float *pointers[2]
        if inputs.shape[0] * inputs.shape[1]:
            pointers[0], pointers[1] = &inputs[0, 0], &shares[0, 0]
            gradient_block(&self.task, pointers, &outputs[0, 0], NULL, 0, inputs.shape[0])
