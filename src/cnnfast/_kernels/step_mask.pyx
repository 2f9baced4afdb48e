"""Masks of sequences: which of their steps hold anything but one value."""

from cnnfast._kernels.step cimport Kernel

cdef struct MaskTask:
    Py_ssize_t channels
    float value


cdef int mask_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop) of x."""
    cdef const MaskTask *task = <const MaskTask *>opaque
    cdef const float *x
    cdef Py_ssize_t row, c, others
    for row in range(start, stop):
        x, others = inputs[0] + row * task.channels, 0
        for c in range(task.channels):
            others += x[c] != task.value
        output[row] = others > 0
    return 0


cdef class StepMask(Kernel):
    """1 for each of `rows` rows an image in which any element differs from a value, else 0."""

    cdef MaskTask task

    def __init__(self, Py_ssize_t rows, Py_ssize_t channels, float value):
        self.task.channels, self.task.value = channels, value
        self.step.run = mask_block
        self.step.task = &self.task
        self.step.units = rows
        self.step.work = 2.0 * rows * channels

    def run(self, const float[:, ::1] inputs, float[::1] outputs):
        """Fill outputs, one number for each row of inputs."""
        cdef const float *x
        if inputs.shape[0]:
            x = &inputs[0, 0]
            mask_block(&self.task, &x, &outputs[0], NULL, 0, inputs.shape[0])
