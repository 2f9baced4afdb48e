"""Depthwise convolution: each channel has M filters of its own.

    y[p, q, c M + m] = activation(bias[c M + m]
        + sum over r, s of x[p sh - top + r dh, q sw - left + s dw, c] w[r, s, c, m])

Layout: NHWC, lanes over channels, no copy of the input. Where a window reaches over an edge, the
taps that lie outside are left out, row by row and pixel by pixel; the windows in between are one
call of the micro-kernel for two rows. A multiplier M repeats every channel M times in scratch,
and is 1 from there on.
"""

from cython.parallel cimport prange, threadid
from libc.string cimport memcpy, memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport Depthwise as Geometry
from cnnfast._kernels.kernels cimport Kernels
from cnnfast._kernels.step cimport Activation, Kernel, Scratch, chunks_of, parse_activation

# The input of rows done together: a quarter of a 1 MB L2.
cdef Py_ssize_t STRIP_FLOATS = 64 * 1024

cdef struct DepthwiseTask:
    const Kernels *kernels
    const float *packed
    Py_ssize_t H, W, C, P, Q, K, R, S   # K = C M
    Py_ssize_t stride_h, stride_w, dilation_h, dilation_w
    Py_ssize_t top, left
    Py_ssize_t first, end       # output columns whose windows lie within the input's width
    Py_ssize_t strip            # output rows done together
    Geometry geometry           # of whole windows
    Activation activation


cdef Taps taps_inside(
        Py_ssize_t start, Py_ssize_t dilation, Py_ssize_t count, Py_ssize_t size) noexcept nogil:
    """Find which of `count` taps, the first at `start`, lie in [0, size)."""
    cdef Taps taps = [0, 0]
    cdef Py_ssize_t stop = 0
    if start < 0:
        taps.first = (dilation - 1 - start) // dilation
    if start < size:
        stop = min(count, (size - 1 - start) // dilation + 1)
    taps.count = max(stop - taps.first, 0)
    return taps


cdef Taps rows_inside(const DepthwiseTask *task, Py_ssize_t p) noexcept nogil:
    return taps_inside(p * task.stride_h - task.top, task.dilation_h, task.R, task.H)


cdef void filter_edge(
        const DepthwiseTask *task, Geometry geometry, const float *x, float *y,
        Py_ssize_t rows, Py_ssize_t q) noexcept nogil:
    """Do one output column whose windows reach over the left or the right edge."""
    cdef Py_ssize_t left = q * task.stride_w - task.left
    cdef Taps taps = taps_inside(left, task.dilation_w, task.S, task.W)
    geometry.window.columns = taps.count
    geometry.first += taps.first * task.kernels.lanes
    task.kernels.depthwise(x + (left + taps.first * task.dilation_w) * task.K, task.packed,
                           y + q * task.K, &geometry, rows, 1, task.K)


cdef void filter_rows(
        const DepthwiseTask *task, const float *x, Py_ssize_t origin, float *y, Py_ssize_t p,
        Py_ssize_t rows) noexcept nogil:
    """Do one output row p or, where their windows are whole, two; x is input row `origin`."""
    cdef Geometry geometry = task.geometry
    cdef Taps taps = rows_inside(task, p)
    cdef Py_ssize_t top = p * task.stride_h - task.top + taps.first * task.dilation_h, q
    geometry.window.rows = taps.count
    geometry.first += taps.first * geometry.weight_row
    x += (top - origin) * task.W * task.K
    for q in range(task.first):
        filter_edge(task, geometry, x, y, rows, q)
    if task.first < task.end:
        task.kernels.depthwise(
            x + (task.first * task.stride_w - task.left) * task.K, task.packed,
            y + task.first * task.K, &geometry, rows, task.end - task.first, task.K)
    for q in range(task.end, task.Q):
        filter_edge(task, geometry, x, y, rows, q)


cdef void strip(
        const DepthwiseTask *task, const float *x, Py_ssize_t origin, float *y,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Do output rows [start, stop) of one image."""
    cdef Py_ssize_t p = start, rows
    cdef bint whole
    while p < stop:
        whole = p + 1 < stop and rows_inside(task, p).count == task.R
        rows = 2 if whole and rows_inside(task, p + 1).count == task.R else 1
        filter_rows(task, x, origin, y + (p - start) * task.Q * task.K, p, rows)
        p += rows


cdef void spread(
        const float *x, float *out, Py_ssize_t count, Py_ssize_t multiplier) noexcept nogil:
    """Repeat each of `count` floats."""
    cdef Py_ssize_t i, m
    for i in range(count):
        for m in range(multiplier):
            out[i * multiplier + m] = x[i]


cdef Py_ssize_t spread_rows(
        const DepthwiseTask *task, const float *x, float *out, Py_ssize_t start,
        Py_ssize_t stop) noexcept nogil:
    """Repeat the channels of what output rows [start, stop) see; return the first such row."""
    cdef Py_ssize_t first = max(start * task.stride_h - task.top, 0)
    cdef Py_ssize_t reach = (task.R - 1) * task.dilation_h + 1
    cdef Py_ssize_t last = min((stop - 1) * task.stride_h - task.top + reach, task.H)
    cdef Py_ssize_t row = task.W * task.C
    spread(x + first * row, out, max(last - first, 0) * row, task.K // task.C)
    return first


cdef void depthwise_rows(
        const DepthwiseTask *task, const float *x, float *y, float *scratch, Py_ssize_t start,
        Py_ssize_t stop) noexcept nogil:
    """Do output rows [start, stop) of one image; y is where the first of them goes."""
    cdef const float *seen = x
    cdef Py_ssize_t p = start, rows, origin = 0
    while p < stop:
        rows = min(task.strip, stop - p)
        if task.K != task.C:
            origin = spread_rows(task, x, scratch, p, p + rows)
            seen = scratch
        strip(task, seen, origin, y, p, p + rows)
        if task.activation.run != NULL:
            task.activation.run(y, y, rows * task.Q * task.K, task.activation.parameters)
        y += rows * task.Q * task.K
        p += rows


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Output rows [start, stop), counted through the images."""
    cdef const DepthwiseTask *task = <const DepthwiseTask *>opaque
    cdef Py_ssize_t p, rows
    while start < stop:
        p = start % task.P
        rows = min(task.P - p, stop - start)
        depthwise_rows(task, inputs[0] + start // task.P * task.H * task.W * task.C,
                       output + start * task.Q * task.K, scratch, p, p + rows)
        start += rows
    return 0


cdef void pack(
        const void *opaque, const float *weights, const float *bias,
        float *packed) noexcept nogil:
    """Lay out [channels / lanes][bias, taps][lanes]; the last panel overlaps another."""
    cdef const DepthwiseTask *task = <const DepthwiseTask *>opaque
    cdef Py_ssize_t lanes = task.kernels.lanes, K = task.K, taps = task.R * task.S
    cdef Py_ssize_t panels = (K + lanes - 1) // lanes, index, channel, tap
    cdef Py_ssize_t count = min(lanes, K)
    memset(packed, 0, panels * task.geometry.panel * sizeof(float))
    for index in range(panels):
        channel = min(index * lanes, K - count)
        if bias != NULL:
            memcpy(packed, bias + channel, count * sizeof(float))
        for tap in range(taps):
            memcpy(packed + (1 + tap) * lanes, weights + tap * K + channel, count * sizeof(float))
        packed += task.geometry.panel


cdef class Depthwise(Kernel):
    """A 2D depthwise convolution with packed weights; 1D is H = 1."""

    cdef DepthwiseTask task

    def __init__(self, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C,
                 const float[:, :, :, ::1] kernel, const float[::1] bias, tuple strides,
                 tuple padding, tuple dilation, tuple activation):
        cdef DepthwiseTask *task = &self.task
        cdef Py_ssize_t top, bottom, left, right, reach_h, reach_w
        top, bottom, left, right = padding
        task.kernels = active_kernels()
        task.H, task.W, task.C, task.K = H, W, C, C * kernel.shape[3]
        task.R, task.S = kernel.shape[0], kernel.shape[1]
        task.stride_h, task.stride_w = strides
        task.dilation_h, task.dilation_w = dilation
        task.top, task.left = top, left
        reach_h = (task.R - 1) * task.dilation_h + 1
        reach_w = (task.S - 1) * task.dilation_w + 1
        task.P = (H + top + bottom - reach_h) // task.stride_h + 1
        task.Q = (W + left + right - reach_w) // task.stride_w + 1
        task.activation = parse_activation(activation, task.kernels)
        self.plan(reach_h, reach_w)
        self.pack(kernel, bias)
        self.step.run = block
        self.step.task = task
        self.step.units = task.P
        self.step.work = 2.0 * task.P * task.Q * task.K * task.R * task.S

    cdef void plan(self, Py_ssize_t reach_h, Py_ssize_t reach_w) noexcept:
        """Find the inner columns, the distances between pixels and the height of a strip."""
        cdef DepthwiseTask *task = &self.task
        cdef Geometry *geometry = &task.geometry
        cdef Py_ssize_t inner = task.W + task.left - reach_w, stride = task.stride_w
        cdef Py_ssize_t row = task.W * task.K, lanes = task.kernels.lanes, rows
        task.first = min((task.left + stride - 1) // stride, task.Q)
        task.end = max(min(inner // stride + 1 if inner >= 0 else 0, task.Q), task.first)
        geometry.window = [task.R, task.dilation_h * row, task.S, task.dilation_w * task.K]
        geometry.x_step, geometry.x_row = stride * task.K, task.stride_h * row
        geometry.y_step, geometry.y_row = task.K, task.Q * task.K
        geometry.first, geometry.weight_row = lanes, task.S * lanes
        geometry.panel = (1 + task.R * task.S) * lanes
        geometry.lowest = task.activation.lowest
        geometry.highest = task.activation.highest
        rows = (STRIP_FLOATS // row - reach_h) // task.stride_h + 1
        task.strip = min(max(rows, 2), task.P)
        if task.K != task.C:
            self.step.scratch = min((task.strip - 1) * task.stride_h + reach_h, task.H) * row

    cdef int pack(self, const float[:, :, :, ::1] kernel, const float[::1] bias) except -1:
        """Allocate and fill the panels."""
        cdef DepthwiseTask *task = &self.task
        cdef Py_ssize_t lanes = task.kernels.lanes
        task.packed = self.allocate((task.K + lanes - 1) // lanes * task.geometry.panel)
        self.pack_weights = pack
        pack(task, &kernel[0, 0, 0, 0], &bias[0] if bias is not None else NULL, self.packed)
        return 0

    def run(self, const float[:, :, :, ::1] inputs, float[:, :, :, ::1] outputs, int threads):
        """Convolve all images of inputs (N, H, W, C) into outputs (N, P, Q, C M)."""
        cdef Py_ssize_t units = inputs.shape[0] * self.task.P
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *x
        if units == 0:
            return
        x = &inputs[0, 0, 0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            block(&self.task, &x, &outputs[0, 0, 0, 0],
                  scratch.floats + threadid() * scratch.stride,
                  units * chunk // chunks, units * (chunk + 1) // chunks)
