"""Gradients of functions of whole rows, beside that of softmax.

    log_softmax   dx = dy - exp(y) * sum of dy
    sparsemax     dx = dy - the mean of dy over all y above zero; 0 where y is 0
    glu           (a, b) -> a sigmoid(b): da = dy sigmoid(b), db = dy a sigmoid(b) sigmoid(-b)

`values` are the outputs y of the first two, and the inputs of glu.
"""

from cython.parallel cimport prange

from cnnfast._kernels.dispatch cimport activation_named, active_kernels
from cnnfast._kernels.kernels cimport activation_kernel
from cnnfast._kernels.step cimport Kernel, block_function, chunks_of

cdef struct RowTask:
    activation_kernel *exponential
    activation_kernel *sigmoid
    float parameters[3]
    Py_ssize_t columns          # of dx
    Py_ssize_t seen             # columns of dy


cdef int log_softmax_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const RowTask *task = <const RowTask *>opaque
    cdef Py_ssize_t columns = task.columns, row, n
    cdef const float *dy
    cdef float *dx
    cdef double total
    for row in range(start, stop):
        dy, dx = inputs[1] + row * columns, output + row * columns
        total = 0.0
        for n in range(columns):
            total += dy[n]
        task.exponential(inputs[0] + row * columns, dx, columns, task.parameters)
        for n in range(columns):
            dx[n] = <float>(dy[n] - dx[n] * total)
    return 0


cdef int sparsemax_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const RowTask *task = <const RowTask *>opaque
    cdef Py_ssize_t columns = task.columns, row, n, count
    cdef const float *y
    cdef const float *dy
    cdef double total
    for row in range(start, stop):
        y, dy = inputs[0] + row * columns, inputs[1] + row * columns
        total, count = 0.0, 0
        for n in range(columns):
            if y[n] > 0.0:
                total += dy[n]
                count += 1
        for n in range(columns):
            output[row * columns + n] = <float>(dy[n] - total / count) if y[n] > 0.0 else <float>0.0
    return 0


cdef int glu_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const RowTask *task = <const RowTask *>opaque
    cdef Py_ssize_t half = task.seen, row, n
    cdef const float *a
    cdef const float *dy
    cdef float *dx
    for row in range(start, stop):
        a, dx, dy = inputs[0] + 2 * row * half, output + 2 * row * half, inputs[1] + row * half
        for n in range(half):
            dx[half + n] = -a[half + n]
        task.sigmoid(dx + half, dx + half, half, task.parameters)
        task.sigmoid(a + half, dx, half, task.parameters)
        for n in range(half):
            dx[n] = dx[n] * dy[n]
            dx[half + n] = dx[half + n] * dx[n] * a[n]
    return 0


cdef class RowGradient(Kernel):
    """dx (rows, columns) of log_softmax, sparsemax or glu, from values and dy; a unit is a row."""

    cdef RowTask task

    def __init__(self, str name, Py_ssize_t rows, Py_ssize_t columns):
        cdef block_function block = log_softmax_block
        if name == "sparsemax":
            block = sparsemax_block
        elif name == "glu":
            block = glu_block
        elif name != "log_softmax":
            raise ValueError(f"no gradient of a row is called {name!r}.")
        self.task.exponential = activation_named(active_kernels(), "exponential")
        self.task.sigmoid = activation_named(active_kernels(), "sigmoid")
        self.task.parameters = [0.0, 0.0, 0.0]
        self.task.columns = columns
        self.task.seen = columns // 2 if name == "glu" else columns
        self.step.run = block
        self.step.task = &self.task
        self.step.units = rows
        self.step.work = 20.0 * rows * columns

    def run(self, const float[:, ::1] values, const float[:, ::1] gradients,
            float[:, ::1] outputs, int threads):
        """Fill outputs for all rows (any number of them)."""
        cdef Py_ssize_t rows = values.shape[0], chunk, chunks = chunks_of(rows, threads)
        cdef const float *pointers[2]
        if rows * values.shape[1] == 0:
            return
        pointers[0], pointers[1] = &values[0, 0], &gradients[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            self.step.run(self.step.task, pointers, &outputs[0, 0], NULL,
                          rows * chunk // chunks, rows * (chunk + 1) // chunks)
