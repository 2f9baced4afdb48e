"""Gradients of depthwise convolutions.

    dx[h, w, c] = sum over m and all taps with p sh + r dh - top = h and q sw + s dw - left = w
        of dy[p, q, c M + m] w[r, s, c, m]
    dw[r, s, c, m] += sum over n, p, q of x[n, p sh - top + r dh, q sw - left + s dw, c]
        dy[n, p, q, c M + m]

With strides the input has phases: pixels `stride` apart receive from the same taps, and each
phase is a depthwise convolution of dy without strides, by these taps alone, whose outputs lie
`stride` pixels apart. So nothing is multiplied by zero and nothing is added up twice.

Layout: as in depthwise.pyx. A multiplier M is added up, or spread, in scratch. For the weights an
image is copied into a border of zeros first.
"""

from math import gcd

from cython.parallel cimport prange, threadid
from libc.math cimport INFINITY
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from cnnfast._kernels.depthwise cimport Taps, spread, taps_inside
from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport (
    TAPS_COLUMNS, TAPS_ROWS, Depthwise, Kernels, PixelGrid,
)
from cnnfast._kernels.step cimport Kernel, Scratch, chunks_of

# Gradients that meet the same rows of an image before the next ones: 64 KB.
cdef Py_ssize_t STRIP_FLOATS = 16 * 1024

# Along one axis: pixels of the input that are `stride` apart, and the taps that reach them.
cdef struct Phase:
    Py_ssize_t tap, step, count     # the first such tap, counted from the last one; the others
    Py_ssize_t start                # where the window of the first pixel begins in dy
    Py_ssize_t dilation             # pixels of dy from one tap to the next

cdef struct InputTask:
    const Kernels *kernels
    const float *packed
    Py_ssize_t H, W, C, P, Q, K, R, S   # K = C M
    Py_ssize_t stride_h, stride_w
    const Phase *tall           # phases of rows, `stride_h` of them
    const Phase *wide
    const Py_ssize_t *panels    # where the packed weights of each pair of phases begin


cdef Phase phase_of(Py_ssize_t place, Py_ssize_t taps, Py_ssize_t stride,
                    Py_ssize_t dilation) except *:
    """Find the taps that reach a pixel; `place` is the pixel, counted from the border's edge."""
    cdef Phase phase = [0, 1, 0, 0, 1]
    reached = [tap for tap in range(taps) if (place - tap * dilation) % stride == 0]
    if reached:
        last = max(reached)
        phase.step = stride // gcd(stride, dilation)
        phase.tap, phase.count = taps - 1 - last, len(reached)
        phase.start = (place - last * dilation) // stride
        phase.dilation = phase.step * dilation // stride
    return phase


cdef void phase_row(
        const InputTask *task, Depthwise geometry, const float *dy, const float *packed,
        const Phase *wide, float *dx, Py_ssize_t pixels) noexcept nogil:
    """Do the pixels of one row that belong to one phase."""
    cdef Py_ssize_t reach = (wide.count - 1) * wide.dilation, start, w = 0, inner
    cdef Py_ssize_t first = geometry.first
    cdef Taps taps
    while w < pixels:
        start = wide.start + w
        taps = taps_inside(start, wide.dilation, wide.count, task.Q)
        inner = 1
        if taps.count == wide.count:
            inner = pixels - w if wide.count == 0 else min(task.Q - reach - start, pixels - w)
        geometry.window.columns = taps.count
        geometry.first = first + taps.first * task.kernels.lanes
        task.kernels.depthwise(dy + (start + taps.first * wide.dilation) * task.K, packed,
                               dx + w * geometry.y_step, &geometry, 1, inner, task.K)
        w += inner


cdef void input_row(
        const InputTask *task, const float *dy, float *dx, Py_ssize_t h) noexcept nogil:
    """Do row h of one image, with all K channels."""
    cdef const Phase *tall = &task.tall[h % task.stride_h]
    cdef Py_ssize_t row = task.Q * task.K, lanes = task.kernels.lanes, w
    cdef Py_ssize_t start = tall.start + h // task.stride_h
    cdef Taps taps = taps_inside(start, tall.dilation, tall.count, task.P)
    cdef const Phase *wide
    cdef Depthwise geometry
    geometry.x_step, geometry.x_row = task.K, row
    geometry.y_step, geometry.y_row = task.stride_w * task.K, 0
    geometry.lowest, geometry.highest = -INFINITY, INFINITY
    for w in range(min(task.stride_w, task.W)):
        wide = &task.wide[w]
        geometry.window = [taps.count, tall.dilation * row, wide.count, wide.dilation * task.K]
        geometry.weight_row = wide.count * lanes
        geometry.first = lanes + taps.first * geometry.weight_row
        geometry.panel = (1 + tall.count * wide.count) * lanes
        phase_row(task, geometry, dy + (start + taps.first * tall.dilation) * row,
                  task.packed + task.panels[h % task.stride_h * task.stride_w + w], wide,
                  dx + w * task.K, (task.W - w + task.stride_w - 1) // task.stride_w)


cdef void gather(
        const float *x, float *out, Py_ssize_t count, Py_ssize_t multiplier) noexcept nogil:
    """Add up `multiplier` neighbours for each of `count` floats."""
    cdef Py_ssize_t i, m
    for i in range(count):
        out[i] = x[i * multiplier]
        for m in range(1, multiplier):
            out[i] += x[i * multiplier + m]


cdef int input_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop) of dx, counted through the images."""
    cdef const InputTask *task = <const InputTask *>opaque
    cdef Py_ssize_t index
    cdef const float *dy
    cdef float *dx
    for index in range(start, stop):
        dy = inputs[0] + index // task.H * task.P * task.Q * task.K
        dx = output + index * task.W * task.C
        if task.K == task.C:
            input_row(task, dy, dx, index % task.H)
        else:
            input_row(task, dy, scratch, index % task.H)
            gather(scratch, dx, task.W * task.C, task.K // task.C)
    return 0


cdef void pack(
        const void *opaque, const float *weights, const float *bias,
        float *packed) noexcept nogil:
    """Pack filters that are turned, (R, S, M, C): for each pair of phases as depthwise.pyx does."""
    cdef const InputTask *task = <const InputTask *>opaque
    cdef Py_ssize_t lanes = task.kernels.lanes, C = task.C, M = task.K // C
    cdef Py_ssize_t a, b, channel, i, r, s
    cdef const Phase *tall
    cdef const Phase *wide
    for a in range(task.stride_h):
        for b in range(task.stride_w):
            tall, wide = &task.tall[a], &task.wide[b]
            channel = 0
            while channel < task.K:
                channel = max(min(channel, task.K - lanes), 0)
                memset(packed, 0, lanes * sizeof(float))
                packed += lanes
                for r in range(tall.count):
                    for s in range(wide.count):
                        for i in range(lanes):
                            packed[i] = 0.0 if channel + i >= task.K else weights[
                                (((tall.tap + r * tall.step) * task.S + wide.tap + s * wide.step)
                                 * M + (channel + i) % M) * C + (channel + i) // M]
                        packed += lanes
                channel += lanes


cdef class DepthwiseInputGradient(Kernel):
    """dx (H, W, C) of any depthwise convolution from dy (P, Q, C M); a unit is a row.

    `filters` are turned by 180 degrees: (R, S, M, C).
    """

    cdef InputTask task
    cdef Phase *phases
    cdef Py_ssize_t *panels

    def __dealloc__(self):
        free(self.phases)
        free(self.panels)

    def __init__(self, tuple shape, tuple gradient, const float[:, :, :, ::1] filters,
                 tuple strides, tuple origin, tuple dilation):
        cdef InputTask *task = &self.task
        task.kernels = active_kernels()
        task.H, task.W, task.C = shape
        task.P, task.Q, task.K = gradient
        task.R, task.S = filters.shape[0], filters.shape[1]
        task.stride_h, task.stride_w = strides
        self.find_phases(origin, dilation)
        task.packed = self.allocate(self.place_panels())
        self.pack_weights = pack
        pack(task, &filters[0, 0, 0, 0], NULL, self.packed)
        self.step.run = input_block
        self.step.task = task
        self.step.units = task.H
        self.step.scratch = task.W * task.K if task.K != task.C else 0
        self.step.work = 2.0 * task.P * task.Q * task.K * task.R * task.S

    cdef int find_phases(self, tuple origin, tuple dilation) except -1:
        cdef InputTask *task = &self.task
        self.phases = <Phase *>calloc(task.stride_h + task.stride_w, sizeof(Phase))
        self.panels = <Py_ssize_t *>calloc(task.stride_h * task.stride_w, sizeof(Py_ssize_t))
        if self.phases == NULL or self.panels == NULL:
            raise MemoryError("cannot allocate the phases of a gradient")
        task.tall, task.wide = self.phases, self.phases + task.stride_h
        task.panels = self.panels
        for place in range(task.stride_h):
            self.phases[place] = phase_of(
                place + origin[0], task.R, task.stride_h, dilation[0])
        for place in range(task.stride_w):
            self.phases[task.stride_h + place] = phase_of(
                place + origin[1], task.S, task.stride_w, dilation[1])
        return 0

    cdef Py_ssize_t place_panels(self) noexcept:
        """Find where the weights of each pair of phases go; return how many floats they take."""
        cdef InputTask *task = &self.task
        cdef Py_ssize_t lanes = task.kernels.lanes, vectors = (task.K + lanes - 1) // lanes
        cdef Py_ssize_t floats = 0, a, b
        for a in range(task.stride_h):
            for b in range(task.stride_w):
                self.panels[a * task.stride_w + b] = floats
                floats += vectors * (1 + task.tall[a].count * task.wide[b].count) * lanes
        return floats

    def run(self, const float[:, :, :, ::1] gradients, float[:, :, :, ::1] outputs, int threads):
        """Fill outputs (N, H, W, C) from gradients (N, P, Q, C M)."""
        cdef Py_ssize_t units = gradients.shape[0] * self.task.H
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *dy
        if units == 0:
            return
        dy = &gradients[0, 0, 0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            input_block(&self.task, &dy, &outputs[0, 0, 0, 0],
                        scratch.floats + threadid() * scratch.stride,
                        units * chunk // chunks, units * (chunk + 1) // chunks)


# ------------------------------------------------------------------------------------- Weights

cdef struct KernelTask:
    const Kernels *kernels
    Py_ssize_t H, W, C, P, Q, K, R, S
    Py_ssize_t top, left
    Py_ssize_t stride_h, dilation_h, dilation_w
    bint copied                 # into a border, or for a multiplier
    Py_ssize_t rows, width      # of the image with its border
    Py_ssize_t strip            # rows of dy done together
    PixelGrid pixels


cdef const float *bordered(
        const KernelTask *task, const float *x, float *out) noexcept nogil:
    """Copy an image into the middle of a border of zeros, its channels repeated M times."""
    cdef Py_ssize_t row = task.width * task.K, i
    cdef Py_ssize_t inside = max(0, min(task.W, task.width - task.left)) * task.C
    cdef const float *source
    cdef float *target
    memset(out, 0, task.rows * row * sizeof(float))
    for i in range(min(task.H, task.rows - task.top)):
        source, target = x + i * task.W * task.C, out + (i + task.top) * row + task.left * task.K
        if task.K == task.C:
            memcpy(target, source, inside * sizeof(float))
        else:
            spread(source, target, inside, task.K // task.C)
    return out


cdef void add_strip(
        const KernelTask *task, const float *x, const float *dy, float *dk,
        Py_ssize_t rows) noexcept nogil:
    """Add what some rows of dy contribute, tile by tile of the taps."""
    cdef Py_ssize_t row = task.dilation_h * task.width * task.K, column = task.dilation_w * task.K
    cdef PixelGrid pixels = task.pixels
    cdef Py_ssize_t r = 0, s, tall, wide
    cdef Py_ssize_t widest = TAPS_COLUMNS if task.S > 3 else 3
    pixels.rows = rows
    while r < task.R:
        tall = min(TAPS_ROWS if task.S <= 3 else 2, task.R - r)
        s = 0
        while s < task.S:
            wide = min(widest, task.S - s)
            task.kernels.taps[tall - 1][wide - 1](
                x + r * row + s * column, row, column, dy, &pixels,
                dk + (r * task.S + s) * task.K, task.S * task.K, task.K)
            s += wide
        r += tall


cdef int kernel_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop) of x and dy."""
    cdef const KernelTask *task = <const KernelTask *>opaque
    cdef Py_ssize_t image, p
    cdef const float *x
    cdef const float *dy
    for image in range(start, stop):
        x = inputs[0] + image * task.H * task.W * task.C
        dy = inputs[1] + image * task.P * task.Q * task.K
        if task.copied:
            x = bordered(task, x, scratch)
        p = 0
        while p < task.P:
            add_strip(task, x + p * task.stride_h * task.width * task.K,
                      dy + p * task.Q * task.K, output, min(task.strip, task.P - p))
            p += task.strip
    return 0


cdef class DepthwiseKernelGradient(Kernel):
    """kernel (R, S, C, M) += the contribution of images (H, W, C) and their dy (P, Q, C M).

    A unit is an image; images are added in their order, by one thread at a time.
    """

    cdef KernelTask task

    def __init__(self, tuple shape, tuple gradient, tuple kernel, tuple strides, tuple origin,
                 tuple dilation):
        cdef KernelTask *task = &self.task
        task.kernels = active_kernels()
        task.H, task.W, task.C = shape
        task.P, task.Q, task.K = gradient
        task.R, task.S = kernel[:2]
        task.top, task.left = origin
        task.stride_h = strides[0]
        task.dilation_h, task.dilation_w = dilation
        self.choose_border(strides[1])
        task.pixels = [task.P, task.Q, task.stride_h * task.width * task.K, strides[1] * task.K,
                       task.Q * task.K, task.K]
        task.strip = max(1, STRIP_FLOATS // (task.Q * task.K))
        self.step.run = kernel_block
        self.step.task = task
        self.step.units = 1
        self.step.work = 2.0 * task.P * task.Q * task.K * task.R * task.S

    cdef void choose_border(self, Py_ssize_t stride_w) noexcept:
        """Copy an image only where windows reach over its edge or channels are repeated."""
        cdef KernelTask *task = &self.task
        task.rows = (task.P - 1) * task.stride_h + (task.R - 1) * task.dilation_h + 1
        task.width = (task.Q - 1) * stride_w + (task.S - 1) * task.dilation_w + 1
        task.copied = (task.K != task.C or task.top + task.left > 0 or task.rows > task.H
                       or task.width > task.W)
        if task.copied:
            self.step.scratch = task.rows * task.width * task.K
        else:
            task.width = task.W

    def run(self, const float[:, :, :, ::1] inputs, const float[:, :, :, ::1] gradients,
            float[:, :, :, ::1] outputs):
        """Add the contribution of all images to outputs (R, S, C, M)."""
        cdef Scratch scratch = Scratch(self, 1)
        cdef const float *pointers[2]
        if inputs.shape[0]:
            pointers[0], pointers[1] = &inputs[0, 0, 0, 0], &gradients[0, 0, 0, 0]
            kernel_block(&self.task, pointers, &outputs[0, 0, 0, 0], scratch.floats, 0,
                         inputs.shape[0])
