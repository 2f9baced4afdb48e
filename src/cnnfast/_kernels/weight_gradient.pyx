"""Gradients of weights: sums over pixels of what came in times the gradient of what went out.

    dkernel[r, s, c, k] += sum over n, p, q of x[n, p sh + r dh, q sw + s dw, c] dy[n, p, q, k]
    dbias[k] += sum over n, p, q of dy[n, p, q, k]

Layout: as in conv.pyx, the weights of a filter row meet one contiguous run of S * C floats a
pixel; the sum over pixels is a product of matrices whose tiles stay in registers through all
pixels of an image. A padded image is copied into scratch with its border first.

These kernels add to their output: a unit is an image (a row for Dense), and units are added in
their order, one thread at a time.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport Kernels, PixelGrid
from cnnfast._kernels.pack cimport even_tile
from cnnfast._kernels.step cimport Kernel, Scratch

cdef float ONE = 1.0


cdef void add_outer(
        const Kernels *kernels, const float *a, const float *b, PixelGrid pixels, float *c,
        Py_ssize_t ldc, Py_ssize_t rows, Py_ssize_t filters) noexcept nogil:
    """Add to `rows` x `filters` weights, ldc floats apart, what all pixels contribute."""
    cdef Py_ssize_t width = 2 * kernels.lanes, step, n, m, wide, height
    if filters == 1 and ldc == 1:
        # A column of weights is a row as well, and fills vectors as one.
        pixels = [pixels.rows, pixels.columns, pixels.b_row, pixels.b_step,
                  pixels.a_row, pixels.a_step]
        a, b, ldc, rows, filters = b, a, rows, 1, rows
    step = even_tile(rows, kernels.gemm_rows)
    n = 0
    while n < filters:
        wide = min(width, filters - n)
        m = 0
        while m < rows:
            height = min(step, rows - m)
            kernels.outer[wide > kernels.lanes][height - 1](
                a + m, b + n, &pixels, c + m * ldc + n, ldc, wide)
            m += height
        n += wide


# --------------------------------------------------------------------------------------- Dense

cdef struct DenseTask:
    const Kernels *kernels
    Py_ssize_t depth, columns


cdef int dense_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop) of x and dy."""
    cdef const DenseTask *task = <const DenseTask *>opaque
    cdef PixelGrid rows = [1, stop - start, 0, task.depth, 0, task.columns]
    add_outer(task.kernels, inputs[0] + start * task.depth, inputs[1] + start * task.columns,
              rows, output, task.columns, task.depth, task.columns)
    return 0


cdef class DenseKernelGradient(Kernel):
    """kernel (depth, columns) += x^T dy, with `rows` matrix rows per image."""

    cdef DenseTask task

    def __init__(self, Py_ssize_t rows, Py_ssize_t depth, Py_ssize_t columns):
        self.task.kernels = active_kernels()
        self.task.depth, self.task.columns = depth, columns
        self.step.run = dense_block
        self.step.task = &self.task
        self.step.units = rows
        self.step.work = 2.0 * rows * depth * columns

    def run(self, const float[:, ::1] inputs, const float[:, ::1] gradients,
            float[:, ::1] outputs):
        """Add the contribution of all rows to outputs (depth, columns)."""
        cdef const float *pointers[2]
        if inputs.shape[0]:
            pointers[0], pointers[1] = &inputs[0, 0], &gradients[0, 0]
            dense_block(&self.task, pointers, &outputs[0, 0], NULL, 0, inputs.shape[0])


# ---------------------------------------------------------------------------------------- Bias

cdef int bias_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop) of dy."""
    cdef const DenseTask *task = <const DenseTask *>opaque
    cdef PixelGrid rows = [1, stop - start, 0, 0, 0, task.columns]
    cdef Py_ssize_t n = 0, wide
    while n < task.columns:
        wide = min(2 * task.kernels.lanes, task.columns - n)
        task.kernels.outer[wide > task.kernels.lanes][0](
            &ONE, inputs[0] + start * task.columns + n, &rows, output + n, wide, wide)
        n += wide
    return 0


cdef class BiasGradient(Kernel):
    """bias (columns,) += the sum of all rows of dy, `rows` of them per image."""

    cdef DenseTask task

    def __init__(self, Py_ssize_t rows, Py_ssize_t columns):
        self.task.kernels = active_kernels()
        self.task.columns = columns
        self.step.run = bias_block
        self.step.task = &self.task
        self.step.units = rows
        self.step.work = 4.0 * rows * columns

    def run(self, const float[:, ::1] gradients, float[::1] outputs):
        """Add all rows of gradients to outputs (columns,)."""
        cdef const float *dy
        if gradients.shape[0]:
            dy = &gradients[0, 0]
            bias_block(&self.task, &dy, &outputs[0], NULL, 0, gradients.shape[0])


# --------------------------------------------------------------------------------- Convolution

cdef struct ConvolutionTask:
    const Kernels *kernels
    Py_ssize_t H, W, C, P, Q, K
    Py_ssize_t top, left
    bint bordered
    Py_ssize_t rows, width      # of the image with its border
    Py_ssize_t groups
    Py_ssize_t segments         # runs of floats that one group's filter sees
    Py_ssize_t length           # of each
    const Py_ssize_t *offsets   # of the runs, from a pixel's first
    PixelGrid pixels


cdef const float *bordered(
        const ConvolutionTask *task, const float *x, float *out) noexcept nogil:
    """Copy an image into the middle of a border of zeros."""
    cdef Py_ssize_t row = task.width * task.C, i
    memset(out, 0, task.rows * row * sizeof(float))
    for i in range(min(task.H, task.rows - task.top)):
        memcpy(out + (i + task.top) * row + task.left * task.C, x + i * task.W * task.C,
               min(task.W, task.width - task.left) * task.C * sizeof(float))
    return out


cdef int convolution_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop) of x and dy."""
    cdef const ConvolutionTask *task = <const ConvolutionTask *>opaque
    cdef Py_ssize_t group_C = task.C // task.groups, group_K = task.K // task.groups
    cdef Py_ssize_t image, group, index
    cdef const float *x
    cdef const float *dy
    for image in range(start, stop):
        x = inputs[0] + image * task.H * task.W * task.C
        dy = inputs[1] + image * task.P * task.Q * task.K
        if task.bordered:
            x = bordered(task, x, scratch)
        for group in range(task.groups):
            for index in range(task.segments):
                add_outer(task.kernels, x + task.offsets[index] + group * group_C,
                          dy + group * group_K, task.pixels,
                          output + index * task.length * task.K + group * group_K, task.K,
                          task.length, group_K)
    return 0


cdef class ConvolutionKernelGradient(Kernel):
    """kernel (R, S, C / groups, K) += the contribution of images (H, W, C) and their dy."""

    cdef ConvolutionTask task
    cdef Py_ssize_t *offsets

    def __dealloc__(self):
        free(self.offsets)

    def __init__(self, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C, tuple kernel, tuple strides,
                 tuple padding, tuple dilation, Py_ssize_t groups):
        cdef ConvolutionTask *task = &self.task
        cdef Py_ssize_t R, S
        top, bottom, left, right = padding
        R, S, _, task.K = kernel
        task.kernels = active_kernels()
        task.H, task.W, task.C, task.groups = H, W, C, groups
        task.top, task.left = top, left
        task.P = (H + top + bottom - (R - 1) * dilation[0] - 1) // strides[0] + 1
        task.Q = (W + left + right - (S - 1) * dilation[1] - 1) // strides[1] + 1
        task.bordered = top + bottom + left + right > 0
        task.rows = (task.P - 1) * strides[0] + (R - 1) * dilation[0] + 1
        task.width = W
        if task.bordered:
            task.width = (task.Q - 1) * strides[1] + (S - 1) * dilation[1] + 1
            self.step.scratch = task.rows * task.width * C
        task.pixels = [task.P, task.Q, strides[0] * task.width * C, strides[1] * C,
                       task.Q * task.K, task.K]
        self.choose_segments(R, S, dilation)
        self.step.run = convolution_block
        self.step.task = task
        self.step.units = 1
        self.step.work = 2.0 * task.P * task.Q * task.K * R * S * (C // groups)

    cdef int choose_segments(self, Py_ssize_t R, Py_ssize_t S, tuple dilation) except -1:
        """List where the runs begin that meet contiguous weights."""
        cdef ConvolutionTask *task = &self.task
        cdef bint whole_rows = task.groups == 1 and (dilation[1] == 1 or S == 1)
        cdef Py_ssize_t runs = 1 if whole_rows else S, r, s
        task.segments, task.length = R * runs, S * (task.C // task.groups) // runs
        self.offsets = <Py_ssize_t *>malloc(task.segments * sizeof(Py_ssize_t))
        if self.offsets == NULL:
            raise MemoryError("cannot allocate the offsets of a convolution's gradient")
        for r in range(R):
            for s in range(runs):
                self.offsets[r * runs + s] = (
                    (r * dilation[0] * task.width + s * dilation[1]) * task.C)
        task.offsets = self.offsets
        return 0

    def run(self, const float[:, :, :, ::1] inputs, const float[:, :, :, ::1] gradients,
            float[:, :, :, ::1] outputs):
        """Add the contribution of all images to outputs (R, S, C / groups, K)."""
        cdef Scratch scratch = Scratch(self, 1)
        cdef const float *pointers[2]
        if inputs.shape[0]:
            pointers[0], pointers[1] = &inputs[0, 0, 0, 0], &gradients[0, 0, 0, 0]
            convolution_block(&self.task, pointers, &outputs[0, 0, 0, 0], scratch.floats, 0,
                              inputs.shape[0])
