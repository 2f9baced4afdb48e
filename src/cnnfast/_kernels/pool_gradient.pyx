"""Gradients of pooling: what an output pixel received goes back to the pixels of its window.

    max       to the first of them, row by row, that is the maximum
    average   to each of them in equal parts
    global    a channel's maximum to all pixels that have it, in equal parts: Keras reduces whole
              images by another operation than windows, and that one shares

Layout: as in pool.pyx; windows are trimmed at the edges, pixel by pixel, and the ones in between
are one call of the micro-kernel. Windows may overlap, so a unit is a whole image: its gradient
is zeroed first and windows add to it in their order.
"""

from cython.parallel cimport prange, threadid
from libc.string cimport memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport POOL_average, POOL_max, Window, pool_gradient_kernel
from cnnfast._kernels.step cimport Kernel, Scratch

cdef struct PoolingTask:
    pool_gradient_kernel *kernel
    bint average
    Py_ssize_t H, W, C, P, Q, R, S
    Py_ssize_t stride_h, stride_w
    Py_ssize_t top, left
    Py_ssize_t first, end       # output columns whose windows lie within the input's width


cdef struct Images:
    # One image: input and output of the forward pass, and their gradients.
    const float *x
    const float *y
    const float *dy
    float *dx


cdef void pass_pixels(
        const PoolingTask *task, Images at, Py_ssize_t p, Py_ssize_t q,
        Py_ssize_t pixels) noexcept nogil:
    """Do `pixels` output pixels from (p, q) on, whose windows are trimmed as that one's is."""
    cdef Py_ssize_t top = p * task.stride_h - task.top, left = q * task.stride_w - task.left
    cdef Py_ssize_t row = max(top, 0), column = max(left, 0)
    cdef Py_ssize_t rows = min(top + task.R, task.H) - row
    cdef Py_ssize_t columns = min(left + task.S, task.W) - column
    cdef Py_ssize_t source = (row * task.W + column) * task.C
    cdef Py_ssize_t target = (p * task.Q + q) * task.C
    cdef Window window = [rows, task.W * task.C, columns, task.C]
    if rows > 0 and columns > 0 and pixels > 0:
        task.kernel(at.x + source, task.stride_w * task.C, &window, at.y + target,
                    at.dy + target, at.dx + source, pixels, task.C,
                    <float>(1.0 / (rows * columns)) if task.average else 1.0)


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop): x, y and dy for the maximum, dy for the average."""
    cdef const PoolingTask *task = <const PoolingTask *>opaque
    cdef Py_ssize_t source = task.H * task.W * task.C, target = task.P * task.Q * task.C
    cdef Py_ssize_t image, p, q
    cdef Images at
    for image in range(start, stop):
        at.dx = output + image * source
        at.dy = inputs[0 if task.average else 2] + image * target
        at.x = at.dy if task.average else inputs[0] + image * source
        at.y = at.dy if task.average else inputs[1] + image * target
        memset(at.dx, 0, source * sizeof(float))
        for p in range(task.P):
            for q in range(task.first):
                pass_pixels(task, at, p, q, 1)
            pass_pixels(task, at, p, task.first, task.end - task.first)
            for q in range(task.end, task.Q):
                pass_pixels(task, at, p, q, 1)
    return 0


cdef class PoolingGradient(Kernel):
    """dx (H, W, C) of pooling with windows; a unit is an image."""

    cdef PoolingTask task

    def __init__(self, str kind, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C, tuple pool,
                 tuple strides, tuple padding):
        cdef PoolingTask *task = &self.task
        cdef Py_ssize_t inner, stride
        top, bottom, left, right = padding
        task.average = kind == "average"
        task.kernel = active_kernels().pool_gradients[
            POOL_average if task.average else POOL_max]
        task.H, task.W, task.C = H, W, C
        task.R, task.S = pool
        task.stride_h, task.stride_w = strides
        task.top, task.left = top, left
        task.P = (H + top + bottom - task.R) // task.stride_h + 1
        task.Q = (W + left + right - task.S) // task.stride_w + 1
        inner, stride = W + left - task.S, task.stride_w
        task.first = min((left + stride - 1) // stride, task.Q)
        task.end = max(min(inner // stride + 1 if inner >= 0 else 0, task.Q), task.first)
        self.step.run = block
        self.step.task = task
        self.step.units = 1
        self.step.work = 8.0 * C * (H * W + task.P * task.Q)

    def run(self, const float[:, :, :, ::1] inputs, const float[:, :, :, ::1] outputs,
            const float[:, :, :, ::1] gradients, float[:, :, :, ::1] results, int threads):
        """Fill results (N, H, W, C) from inputs, outputs and their gradients (N, P, Q, C)."""
        cdef const float *pointers[3]
        cdef Py_ssize_t image
        if inputs.shape[0] == 0:
            return
        pointers[0], pointers[1] = &inputs[0, 0, 0, 0], &outputs[0, 0, 0, 0]
        pointers[2] = &gradients[0, 0, 0, 0]
        if self.task.average:
            pointers[0] = pointers[2]
        for image in prange(inputs.shape[0], nogil=True, num_threads=threads):
            block(&self.task, pointers, &results[0, 0, 0, 0], NULL, image, image + 1)


cdef struct GlobalTask:
    Py_ssize_t rows, C


cdef int global_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop) of x, y and dy."""
    cdef const GlobalTask *task = <const GlobalTask *>opaque
    cdef Py_ssize_t rows = task.rows, C = task.C, image, row, c
    cdef const float *x
    cdef const float *y
    cdef const float *dy
    cdef float *dx
    for image in range(start, stop):
        x, dx = inputs[0] + image * rows * C, output + image * rows * C
        y, dy = inputs[1] + image * C, inputs[2] + image * C
        for c in range(C):
            scratch[c] = 0.0
        for row in range(rows):
            for c in range(C):
                scratch[c] += 1.0 if x[row * C + c] == y[c] else 0.0
        for c in range(C):
            scratch[c] = dy[c] / scratch[c] if scratch[c] > 0.0 else 0.0
        for row in range(rows):
            for c in range(C):
                dx[row * C + c] = scratch[c] if x[row * C + c] == y[c] else 0.0
    return 0


cdef class GlobalMaxGradient(Kernel):
    """dx (rows, C) of the maximum of each channel; a unit is an image."""

    cdef GlobalTask task

    def __init__(self, Py_ssize_t rows, Py_ssize_t C):
        self.task = [rows, C]
        self.step.run = global_block
        self.step.task = &self.task
        self.step.units = 1
        self.step.scratch = C
        self.step.work = 16.0 * rows * C

    def run(self, const float[:, :, ::1] inputs, const float[:, ::1] outputs,
            const float[:, ::1] gradients, float[:, :, ::1] results, int threads):
        """Fill results (N, rows, C) from inputs, outputs and their gradients (N, C)."""
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *pointers[3]
        cdef Py_ssize_t image
        if inputs.shape[0] == 0:
            return
        pointers[0], pointers[1] = &inputs[0, 0, 0], &outputs[0, 0]
        pointers[2] = &gradients[0, 0]
        for image in prange(inputs.shape[0], nogil=True, num_threads=threads):
            global_block(&self.task, pointers, &results[0, 0, 0],
                         scratch.floats + threadid() * scratch.stride, image, image + 1)
