"""Convolutions of interleaved images by fours of neighbouring pixels; see micro/quad.h.

Blocking: the differences of a four are made for all vectors of images of a block, then come its
filters, so that the way through memory from the one to the other is not waited for.

Where all that is wanted of the outputs is one weighted sum, they are added up in registers.
"""

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport (
    QUAD_FIRST, Kernels, Quad, quad_input_kernel, quad_kernel, quad_sum_kernel,
)
from cnnfast._kernels.stages cimport Stage
from cnnfast._kernels.step cimport Activation, parse_activation

cdef extern from *:
    """
    /* With 16 floats in the widest vector. */
    #define DIFFERENCES (BLOCK_VECTORS * QUAD_MOST_PRODUCTS * 16)
    /* Vectors that cross the lines of a cache take twice the time. */
    #define ON_A_LINE(p) ((float *)(((uintptr_t)(p) + 63) & ~(uintptr_t)63))
    """
    enum:
        DIFFERENCES
    float *ON_A_LINE(float *p) noexcept nogil

cdef struct QuadsTask:
    const Kernels *kernels
    quad_input_kernel *differences
    quad_kernel *filters
    quad_sum_kernel *sums
    const int *places       # of each four: its first output, row, first column, whether it joins
    Py_ssize_t count
    const float *weights
    Py_ssize_t W
    Py_ssize_t values, products     # that one four reads, and makes of them
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
    cdef Py_ssize_t lanes = task.kernels.lanes, width = vectors * lanes
    cdef Py_ssize_t floats = task.products * lanes
    cdef float memory[DIFFERENCES + 16]
    cdef float *differences = ON_A_LINE(memory)
    cdef const int *place = task.places
    cdef const float *values
    cdef Py_ssize_t _four, v, i
    cdef Quad quad
    quad = [task.K, task.together, width, task.activation.lowest, task.activation.highest]
    if task.matrix != NULL:
        for i in range(width):
            y[i] = task.bias
    for _four in range(task.count):
        values = x + (place[1] * task.W + place[2]) * width
        for v in range(vectors):
            task.differences(values + v * lanes, width, max(0, -place[2]),
                             min(task.values, task.W - place[2]), differences + v * floats)
        for v in range(vectors):
            if task.matrix != NULL:
                task.sums(differences + v * floats, task.weights, &quad,
                          task.matrix + place[0] * task.K, y + v * lanes)
            else:
                task.filters(differences + v * floats, task.weights, &quad, place[3],
                             y + place[0] * task.K * width + v * lanes)
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
        activation: applied to the result.
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
        task.differences = task.kernels.quad_inputs[taps - QUAD_FIRST]
        task.filters = task.kernels.quads[taps - QUAD_FIRST]
        task.sums = task.kernels.quad_sums[taps - QUAD_FIRST]
        task.places, task.count = &places[0, 0], places.shape[0]
        task.W = W
        task.values, task.products = taps + 3, products_of(taps)
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
