"""Gradient of the input of any convolution, tap by tap:

    dx[p sh + r dh - top, q sw + s dw - left, c] += sum over k of dy[p, q, k] kernel[r, s, c, k]

For a convolution with strides this does no multiplication by zero: each tap is a product of a row
of dy with one small matrix, and its result is added to pixels `sw` apart. Without strides, where
a convolution with turned filters needs no such additions, that one is faster.

Layout: dx is built in scratch with the border that padding puts around the image, and its middle
is copied out. Weights are packed in panels, tap by tap, turned by 180 degrees.
"""

from cython.parallel cimport prange, threadid
from libc.math cimport INFINITY
from libc.string cimport memcpy, memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport PAIR_add, Kernels
from cnnfast._kernels.pack cimport (
    Panel, even_tile, pack_panels, packed_floats, panel_at, panel_count,
)
from cnnfast._kernels.step cimport Kernel, Scratch, padded_floats

cdef struct StridedTask:
    const Kernels *kernels
    const float *packed
    Py_ssize_t matrix           # packed floats of one tap of one group
    Py_ssize_t H, W, C, P, Q, K, R, S
    Py_ssize_t stride_h, stride_w, dilation_h, dilation_w
    Py_ssize_t top, left
    Py_ssize_t rows, width      # of the image with its border
    Py_ssize_t border           # floats of it
    Py_ssize_t groups


cdef void tap_row(
        const StridedTask *task, const float *dy, const float *packed, float *product,
        float *dx) noexcept nogil:
    """Add what one row of dy gives to one row of pixels through one tap of one group."""
    cdef Py_ssize_t C = task.C // task.groups, K = task.K // task.groups, zero = 0
    cdef Py_ssize_t step = even_tile(task.Q, task.kernels.gemm_rows), index, q, count
    cdef Panel panel
    for index in range(panel_count(task.kernels, C)):
        panel = panel_at(task.kernels, C, K, index)
        q = 0
        while q < task.Q:
            count = min(step, task.Q - q)
            task.kernels.gemm[panel.vectors - 1][count - 1](
                dy + q * task.K, task.K, &zero, 1, K, packed + panel.offset,
                product + q * C + panel.first, C, panel.columns, NULL, -INFINITY,
                INFINITY)
            q += count
    if task.stride_w == 1 and task.groups == 1:
        task.kernels.pairs[PAIR_add](dx, product, dx, task.Q * C)
        return
    for q in range(task.Q):
        task.kernels.pairs[PAIR_add](
            dx + q * task.stride_w * task.C, product + q * C, dx + q * task.stride_w * task.C, C)


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop)."""
    cdef const StridedTask *task = <const StridedTask *>opaque
    cdef Py_ssize_t row = task.width * task.C, last = task.R * task.S - 1
    cdef Py_ssize_t inside = max(0, min(task.W, task.width - task.left)) * task.C
    cdef Py_ssize_t image, p, r, s, group, h
    cdef float *product = scratch + task.border
    cdef float *dx
    for image in range(start, stop):
        memset(scratch, 0, task.border * sizeof(float))
        for p in range(task.P):
            for r in range(task.R):
                for s in range(task.S):
                    for group in range(task.groups):
                        tap_row(task, inputs[0] + ((image * task.P + p) * task.Q * task.K
                                                   + group * (task.K // task.groups)),
                                task.packed + ((last - r * task.S - s) * task.groups + group)
                                * task.matrix, product,
                                scratch + (p * task.stride_h + r * task.dilation_h) * row
                                + s * task.dilation_w * task.C
                                + group * (task.C // task.groups))
        dx = output + image * task.H * task.W * task.C
        memset(dx, 0, task.H * task.W * task.C * sizeof(float))
        for h in range(min(task.H, task.rows - task.top)):
            memcpy(dx + h * task.W * task.C,
                   scratch + (h + task.top) * row + task.left * task.C, inside * sizeof(float))
    return 0


cdef void pack(
        const void *opaque, const float *weights, const float *bias,
        float *packed) noexcept nogil:
    """Pack filters that are turned: (R, S, K / groups, C)."""
    cdef const StridedTask *task = <const StridedTask *>opaque
    cdef Py_ssize_t C = task.C // task.groups, K = task.K // task.groups, tap, group
    for tap in range(task.R * task.S):
        for group in range(task.groups):
            pack_panels(task.kernels, weights + tap * K * task.C + group * C, task.C, NULL, C, K,
                        packed + (tap * task.groups + group) * task.matrix)


cdef class StridedInputGradient(Kernel):
    """dx (H, W, C) of a convolution, from dy (P, Q, K) and turned filters; a unit is an image."""

    cdef StridedTask task

    def __init__(self, tuple shape, tuple gradient, const float[:, :, :, ::1] filters,
                 tuple strides, tuple padding, tuple dilation, Py_ssize_t groups):
        cdef StridedTask *task = &self.task
        task.kernels = active_kernels()
        task.H, task.W, task.C = shape
        task.P, task.Q, task.K = gradient
        task.R, task.S, task.groups = filters.shape[0], filters.shape[1], groups
        task.stride_h, task.stride_w = strides
        task.dilation_h, task.dilation_w = dilation
        task.top, task.left = padding
        task.rows = (task.P - 1) * task.stride_h + (task.R - 1) * task.dilation_h + 1
        task.width = (task.Q - 1) * task.stride_w + (task.S - 1) * task.dilation_w + 1
        task.border = padded_floats(task.rows * task.width * task.C)
        task.matrix = packed_floats(task.kernels, task.C // groups, task.K // groups)
        task.packed = self.allocate(task.R * task.S * groups * task.matrix)
        self.pack_weights = pack
        pack(task, &filters[0, 0, 0, 0], NULL, self.packed)
        self.step.run = block
        self.step.task = task
        self.step.units = 1
        self.step.scratch = task.border + task.Q * (task.C // groups)
        self.step.work = 2.0 * task.P * task.Q * task.K * task.R * task.S * (task.C // groups)

    def run(self, const float[:, :, :, ::1] gradients, float[:, :, :, ::1] outputs, int threads):
        """Fill outputs (N, H, W, C) from gradients (N, P, Q, K)."""
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *dy
        cdef Py_ssize_t image
        if gradients.shape[0] == 0:
            return
        dy = &gradients[0, 0, 0, 0]
        for image in prange(gradients.shape[0], nogil=True, num_threads=threads):
            block(&self.task, &dy, &outputs[0, 0, 0, 0],
                  scratch.floats + threadid() * scratch.stride, image, image + 1)
