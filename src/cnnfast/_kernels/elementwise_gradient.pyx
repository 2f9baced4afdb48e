"""Gradients of activations: dx = dy * f'(x), from the input or the output, see micro/slopes.h.

Units are those of elementwise.pyx: 1024 floats of an image. A unit of a softmax is a row.
"""

from cython.parallel cimport prange

from cnnfast._kernels.dispatch import activations

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport activation_gradient_kernel
from cnnfast._kernels.step cimport Kernel, chunks_of

cdef Py_ssize_t UNIT = 1024

cdef struct ActivationTask:
    activation_gradient_kernel *kernel
    Py_ssize_t size, units
    float parameters[3]

cdef struct SoftmaxTask:
    Py_ssize_t columns


cdef Py_ssize_t first_float(const ActivationTask *task, Py_ssize_t unit) noexcept nogil:
    """Return where a unit of a group of images begins."""
    return unit // task.units * task.size + unit % task.units * UNIT


cdef int activation_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const ActivationTask *task = <const ActivationTask *>opaque
    cdef Py_ssize_t first = first_float(task, start), last = first_float(task, stop)
    task.kernel(inputs[0] + first, inputs[1] + first, output + first, last - first,
                task.parameters)
    return 0


cdef class ActivationGradient(Kernel):
    """dx = dy * slope(v) for every element; dx may be v or dy."""

    cdef ActivationTask task

    def __init__(self, Py_ssize_t size, tuple activation):
        name, *parameters = activation
        self.task.kernel = active_kernels().activation_gradients[activations().index(name)]
        self.task.size = size
        self.task.units = max(1, (size + UNIT - 1) // UNIT)
        for i in range(3):
            self.task.parameters[i] = parameters[i]
        self.step.run = activation_block
        self.step.task = &self.task
        self.step.units = self.task.units
        self.step.work = 12.0 * size

    def run(self, const float[:, ::1] values, const float[:, ::1] gradients,
            float[:, ::1] outputs, int threads):
        """Fill outputs for all images."""
        cdef Py_ssize_t units = values.shape[0] * self.task.units
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef const float *pointers[2]
        if values.shape[0] * values.shape[1] == 0:
            return
        pointers[0], pointers[1] = &values[0, 0], &gradients[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            activation_block(&self.task, pointers, &outputs[0, 0], NULL,
                             units * chunk // chunks, units * (chunk + 1) // chunks)


cdef int softmax_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop): y (dy - sum of y dy)."""
    cdef const SoftmaxTask *task = <const SoftmaxTask *>opaque
    cdef Py_ssize_t columns = task.columns, row, n
    cdef const float *y
    cdef const float *dy
    cdef float *dx
    cdef double total
    for row in range(start, stop):
        y, dy = inputs[0] + row * columns, inputs[1] + row * columns
        dx = output + row * columns
        total = 0.0
        for n in range(columns):
            total += <double>y[n] * dy[n]
        for n in range(columns):
            dx[n] = y[n] * <float>(dy[n] - total)
    return 0


cdef class SoftmaxGradient(Kernel):
    """dx = y (dy - sum of y dy) for each row, `rows` of them per image; dx may be dy."""

    cdef SoftmaxTask task

    def __init__(self, Py_ssize_t rows, Py_ssize_t columns):
        self.task.columns = columns
        self.step.run = softmax_block
        self.step.task = &self.task
        self.step.units = rows
        self.step.work = 16.0 * rows * columns

    def run(self, const float[:, ::1] outputs, const float[:, ::1] gradients,
            float[:, ::1] results, int threads):
        """Fill results for all rows (any number of them)."""
        cdef Py_ssize_t rows = outputs.shape[0], chunk, chunks = chunks_of(rows, threads)
        cdef const float *pointers[2]
        if rows * outputs.shape[1] == 0:
            return
        pointers[0], pointers[1] = &outputs[0, 0], &gradients[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            softmax_block(&self.task, pointers, &results[0, 0], NULL, rows * chunk // chunks,
                          rows * (chunk + 1) // chunks)
