"""Convolutions of interleaved images by fours of neighbouring pixels; see micro/quad.h.

Where all that is wanted of the outputs is one weighted sum, they are added up in registers.
"""

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport (
    QUAD_FIRST, Kernels, Quad, quad_kernel, quad_sum_kernel,
)
from cnnfast._kernels.stages cimport Stage
from cnnfast._kernels.step cimport Activation, parse_activation

cdef struct QuadsTask:
    const Kernels *kernels
    quad_kernel *filters
    quad_sum_kernel *sums
    const int *places       # of each four: its first output, row, first column, whether it joins
    Py_ssize_t count
    const float *weights
    Py_ssize_t W
    Py_ssize_t values       # that one four reads
    Py_ssize_t K, outputs
    Py_ssize_t together
    Activation activation
    const float *matrix     # of the sum, or NULL
    float bias
    Activation after        # the sum's


cdef void finish_sums(
        const QuadsTask *task, float *y, Py_ssize_t width) noexcept nogil:
    """Apply the activation of the sums; NaN stays NaN."""
    cdef Py_ssize_t i
    for i in range(width):
        if y[i] < task.after.lowest:
            y[i] = task.after.lowest
        elif y[i] > task.after.highest:
            y[i] = task.after.highest
    if task.after.run != NULL:
        task.after.run(y, y, width, task.after.parameters)


cdef void quads(const void *opaque, const float *x, float *y, Py_ssize_t vectors) noexcept nogil:
    cdef const QuadsTask *task = <const QuadsTask *>opaque
    cdef Py_ssize_t width = vectors * task.kernels.lanes
    cdef const int *place = task.places
    cdef const float *values
    cdef Py_ssize_t _four, i, first, last
    cdef Quad quad
    quad = [task.K, task.together, width, task.activation.lowest]
    if task.matrix != NULL:
        for i in range(width):
            y[i] = task.bias
    for _four in range(task.count):
        values = x + (place[1] * task.W + place[2]) * width
        first, last = max(0, -place[2]), min(task.values, task.W - place[2])
        if task.matrix != NULL:
            task.sums(values, first, last, task.weights, &quad,
                      task.matrix + place[0] * task.K, y)
        else:
            task.filters(values, first, last, task.weights, &quad, place[3],
                         y + place[0] * task.K * width)
        place += 4
    if task.matrix != NULL:
        finish_sums(task, y, width)
    elif task.activation.run != NULL:
        task.activation.run(y, y, task.outputs * width, task.activation.parameters)


cdef class Quads(Stage):
    """A convolution, or the maxima of neighbours of it, four pixels of a row at a time.

    Args:
        places: (fours, 4): the first of its output pixels, the row and the column of the first
            value it reads, which may lie outside, and whether its maxima join those of others.
        taps: columns of the kernel.
        W: values of a row.
        together: pixels of a row that each maximum is taken of: 1, 2 or 4.
        weights: (K, 1 + products), from `ops.quads`.
        pixels: how many outputs there are of each filter.
        activation: applied to the result; has no upper bound.
        matrix: (pixels * K,), weights of the sum that is all that is wanted; or None.
        bias: of that sum.
        after: applied to that sum.
    """

    cdef QuadsTask task
    cdef const int[:, ::1] places
    cdef const float[::1] matrix

    def __init__(self, const int[:, ::1] places, Py_ssize_t taps, Py_ssize_t W,
                 Py_ssize_t together, const float[:, ::1] weights, Py_ssize_t pixels,
                 tuple activation, const float[::1] matrix, float bias, tuple after):
        cdef QuadsTask *task = &self.task
        cdef Py_ssize_t k, i
        self.places, self.matrix = places, matrix
        task.kernels = active_kernels()
        task.filters = task.kernels.quads[taps - QUAD_FIRST]
        task.sums = task.kernels.quad_sums[taps - QUAD_FIRST]
        task.places, task.count = &places[0, 0], places.shape[0]
        task.W = W
        task.values = taps + 3
        task.K, task.outputs = weights.shape[0], pixels * weights.shape[0]
        task.together = together
        task.activation = parse_activation(activation, task.kernels)
        task.after = parse_activation(after, task.kernels)
        task.bias = bias
        if matrix is not None:
            task.matrix, task.outputs = &matrix[0], 1
        task.weights = self.allocate(weights.shape[0] * weights.shape[1])
        for k in range(weights.shape[0]):
            for i in range(weights.shape[1]):
                self.packed[k * weights.shape[1] + i] = weights[k, i]
        self.step.run = quads
        self.step.task = task
        self.step.outputs = task.outputs


def products_of(Py_ssize_t taps):
    """Return how many products four outputs of so many taps take."""
    return 6 + 2 * ((taps + 1) // 2 - 1) + taps // 2 - 1
