"""Convolution: y[p, q, k] = activation(bias[k] + sum x[p sh + r dh, q sw + s dw, c] w[r, s, c, k]).

An addend of the output's shape comes in before the activation where there is a second input. Max
pooling by 2 x 2 or 1 x 4 is done behind it, in registers: the tile then takes the pixels of whole
windows, and P and Q count those.

Layout: NHWC without im2col. With a zero border around the input, a filter row is one run of
S * C floats that starts at its pixel, so a tile of output pixels is a batch-reduce GEMM of R
segments (R * S segments of C / groups floats where dilation, groups or a gap between pixels
break the run). Loops: strip of output rows -> panel of filters -> row -> tile of pixels; a
strip's input and its panel stay in L2.

Where there is padding, a strip is first copied into scratch with its border: C * 4 bytes a
pixel against R * S * C * K multiply-adds. So it is where pixels lie a multiple of 2 KB apart,
with a gap of one cache line between them, because the rows of a tile would fight for the same
sets of an 8-way L1.
"""

from cython.parallel cimport prange, threadid
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport Kernels
from cnnfast._kernels.pack cimport (
    Panel, even_tile, pack_panels, packed_floats, panel_at, panel_count,
)
from cnnfast._kernels.step cimport (
    Activation, Kernel, Scratch, activate_rows, chunks_of, parse_activation,
)

# A strip's bordered input: a quarter of a 1 MB L2.
cdef Py_ssize_t STRIP_FLOATS = 64 * 1024
# Pixels this many floats apart (a multiple of 2 KB) alias in L1.
cdef Py_ssize_t ALIASED = 512
cdef Py_ssize_t GAP = 16

cdef struct ConvolutionTask:
    const Kernels *kernels
    const float *packed
    Py_ssize_t group_floats     # packed floats of one group
    Py_ssize_t H, W, C, P, Q, K
    Py_ssize_t target           # floats from a pixel of the output to the next
    Py_ssize_t stride_w
    Py_ssize_t descent          # input rows from one output row to the next
    Py_ssize_t top, left
    Py_ssize_t reach            # input rows that one output row sees
    Py_ssize_t groups
    Py_ssize_t strip            # output rows done together
    bint bordered               # the strip is copied into scratch first
    Py_ssize_t pixel, row       # distances in the input as the tile reads it
    Py_ssize_t width            # pixels in such a row
    Py_ssize_t segments, length
    const Py_ssize_t *offsets
    bint pools                  # windows of four pixels
    Py_ssize_t window, below    # floats to the next window, and to the second half of this one
    bint adds                   # a second input
    Activation activation


cdef void copy_pixels(
        const float *x, float *out, Py_ssize_t count, Py_ssize_t C,
        Py_ssize_t pixel) noexcept nogil:
    """Copy pixels of C floats to places `pixel` floats apart."""
    cdef Py_ssize_t i
    if pixel == C:
        memcpy(out, x, count * C * sizeof(float))
        return
    for i in range(count):
        memcpy(out + i * pixel, x + i * C, C * sizeof(float))


cdef void border_strip(
        const ConvolutionTask *task, const float *x, float *out, Py_ssize_t first,
        Py_ssize_t rows) noexcept nogil:
    """Copy `rows` input rows from row `first` (which may be outside) on, zeros around them."""
    # All that is seen may lie left of the image.
    cdef Py_ssize_t left = min(task.left, task.width)
    cdef Py_ssize_t inside = min(task.W, task.width - left)
    cdef Py_ssize_t right = task.width - left - inside
    cdef Py_ssize_t i
    for i in range(first, first + rows):
        if i < 0 or i >= task.H:
            memset(out, 0, task.row * sizeof(float))
        else:
            memset(out, 0, left * task.pixel * sizeof(float))
            copy_pixels(x + i * task.W * task.C, out + left * task.pixel, inside, task.C,
                        task.pixel)
            memset(out + (left + inside) * task.pixel, 0, right * task.pixel * sizeof(float))
        out += task.row


cdef void panel_rows(
        const ConvolutionTask *task, const float *x, const float *addend, float *y, Panel panel,
        const float *packed, Py_ssize_t rows) noexcept nogil:
    """Convolve `rows` output rows with one panel of filters."""
    cdef Py_ssize_t step = even_tile(task.Q, task.kernels.gemm_rows)
    cdef Py_ssize_t lda = task.stride_w * task.pixel
    cdef Py_ssize_t p, q, count, place
    for p in range(rows):
        q = 0
        while q < task.Q:
            count = min(step, task.Q - q)
            place = (p * task.Q + q) * task.target
            task.kernels.gemm[panel.vectors - 1][count - 1](
                x + p * task.descent * task.row + q * lda, lda, task.offsets, task.segments,
                task.length, packed, y + place, task.target, panel.columns,
                addend + place if task.adds else NULL, task.activation.lowest,
                task.activation.highest)
            q += count


cdef void pooled_rows(
        const ConvolutionTask *task, const float *x, float *y, Panel panel, const float *packed,
        Py_ssize_t rows) noexcept nogil:
    """Convolve `rows` rows of windows with one panel of filters and pool them."""
    cdef Py_ssize_t step = even_tile(task.Q, task.kernels.pooled_windows)
    cdef Py_ssize_t p, q, count
    for p in range(rows):
        q = 0
        while q < task.Q:
            count = min(step, task.Q - q)
            task.kernels.pooled[panel.vectors - 1][count - 1](
                x + p * task.descent * task.row + q * task.window, task.stride_w * task.pixel,
                task.window, task.below, task.offsets, task.segments, task.length, packed,
                y + (p * task.Q + q) * task.target, task.target, panel.columns,
                task.activation.lowest, task.activation.highest)
            q += count


cdef void strip(
        const ConvolutionTask *task, const float *x, const float *addend, float *y,
        Py_ssize_t rows) noexcept nogil:
    """Convolve `rows` output rows with every filter."""
    cdef Py_ssize_t depth = task.segments * task.length
    cdef Py_ssize_t group_C = task.C // task.groups, group_K = task.K // task.groups
    cdef Py_ssize_t group, index, first
    cdef const float *pixels
    cdef const float *packed
    cdef Panel panel
    for group in range(task.groups):
        packed = task.packed + group * task.group_floats
        for index in range(panel_count(task.kernels, group_K)):
            panel = panel_at(task.kernels, group_K, depth, index)
            pixels, first = x + group * group_C, group * group_K + panel.first
            if task.pools:
                pooled_rows(task, pixels, y + first, panel, packed + panel.offset, rows)
            else:
                panel_rows(task, pixels, addend + first if task.adds else NULL, y + first, panel,
                           packed + panel.offset, rows)


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Output rows [start, stop), counted through the images."""
    cdef const ConvolutionTask *task = <const ConvolutionTask *>opaque
    cdef const float *x
    cdef const float *addend = NULL
    cdef float *y
    cdef Py_ssize_t p, rows, first
    while start < stop:
        p = start % task.P
        rows = min(min(task.strip, task.P - p), stop - start)
        first = p * task.descent - task.top
        x = inputs[0] + start // task.P * task.H * task.W * task.C
        y = output + start * task.Q * task.target
        if task.bordered:
            border_strip(task, x, scratch, first, (rows - 1) * task.descent + task.reach)
            x = scratch
        else:
            x += first * task.row
        if task.adds:
            addend = inputs[1] + start * task.Q * task.K
        strip(task, x, addend, y, rows)
        activate_rows(&task.activation, y, rows * task.Q, task.K, task.target)
        start += rows
    return 0


cdef void pack(
        const void *opaque, const float *weights, const float *bias,
        float *packed) noexcept nogil:
    """Pack each group's filters: a group's are neighbours in the last axis."""
    cdef const ConvolutionTask *task = <const ConvolutionTask *>opaque
    cdef Py_ssize_t group_K = task.K // task.groups, group
    for group in range(task.groups):
        pack_panels(task.kernels, weights + group * group_K, task.K,
                    bias + group * group_K if bias != NULL else NULL, group_K,
                    task.segments * task.length, packed + group * task.group_floats)


cdef class Convolution(Kernel):
    """A 2D convolution with packed weights; 1D is H = 1."""

    cdef ConvolutionTask task
    cdef Py_ssize_t *offsets

    def __dealloc__(self):
        free(self.offsets)

    def __init__(self, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C,
                 const float[:, :, :, ::1] kernel, const float[::1] bias, tuple strides,
                 tuple padding, tuple dilation, Py_ssize_t groups, tuple activation,
                 bint adds=False, tuple pool=(1, 1)):
        cdef ConvolutionTask *task = &self.task
        cdef Py_ssize_t R = kernel.shape[0], S = kernel.shape[1]
        cdef Py_ssize_t top, bottom, left, right
        top, bottom, left, right = padding
        task.kernels = active_kernels()
        task.H, task.W, task.C, task.K = H, W, C, kernel.shape[3]
        task.target = task.K
        self.target = NULL if adds else &task.target    # where addends lie as outputs do
        task.stride_w, task.descent = strides[1], strides[0] * pool[0]
        task.top, task.left, task.groups = top, left, groups
        task.adds, task.pools = adds, pool != (1, 1)
        task.reach = (pool[0] - 1) * strides[0] + (R - 1) * dilation[0] + 1
        columns = (W + left + right - (S - 1) * dilation[1] - 1) // task.stride_w + 1
        task.P = (H + top + bottom - task.reach) // task.descent + 1
        task.Q = columns // pool[1]
        task.activation = parse_activation(activation, task.kernels)
        task.width = (task.Q * pool[1] - 1) * task.stride_w + (S - 1) * dilation[1] + 1
        self.choose_layout(max(top, bottom, left, right) > 0)
        self.choose_segments(R, S, dilation)
        task.window = pool[1] * task.stride_w * task.pixel
        task.below = strides[0] * task.row if pool[0] > 1 else task.window // 2
        self.pack(kernel, bias)
        self.step.run = block
        self.step.task = task
        self.step.units = task.P
        self.step.scratch = (
            ((task.strip - 1) * task.descent + task.reach) * task.row if task.bordered else 0)
        self.step.work = 2.0 * task.P * task.Q * pool[0] * pool[1] * task.K * R * S * (C // groups)

    cdef int choose_layout(self, bint padded) except -1:
        """Decide whether strips are copied, with which distances, and how tall they are."""
        cdef ConvolutionTask *task = &self.task
        cdef bint aliased = task.stride_w * task.C % ALIASED == 0
        task.bordered = padded or aliased
        task.pixel = task.C + GAP if aliased else task.C
        task.row = (task.width if task.bordered else task.W) * task.pixel
        rows = (STRIP_FLOATS // task.row - task.reach) // task.descent + 1
        task.strip = min(max(rows, 1), task.P)
        return 0

    cdef int choose_segments(self, Py_ssize_t R, Py_ssize_t S, tuple dilation) except -1:
        """List where the filter's runs of floats begin, relative to an output pixel's input."""
        cdef ConvolutionTask *task = &self.task
        cdef Py_ssize_t group_C = task.C // task.groups, r, s
        cdef Py_ssize_t row = dilation[0] * task.row, pixel = dilation[1] * task.pixel
        cdef bint whole_rows = group_C == task.pixel and (dilation[1] == 1 or S == 1)
        cdef Py_ssize_t runs = 1 if whole_rows else S
        task.segments, task.length = R * runs, S * group_C // runs
        self.offsets = <Py_ssize_t *>malloc(task.segments * sizeof(Py_ssize_t))
        if self.offsets == NULL:
            raise MemoryError("cannot allocate the offsets of a convolution")
        for r in range(R):
            for s in range(runs):
                self.offsets[r * runs + s] = r * row + s * pixel
        task.offsets = self.offsets
        return 0

    cdef int pack(self, const float[:, :, :, ::1] kernel, const float[::1] bias) except -1:
        """Allocate and fill the panels."""
        cdef ConvolutionTask *task = &self.task
        task.group_floats = packed_floats(
            task.kernels, task.K // task.groups, task.segments * task.length)
        task.packed = self.allocate(task.group_floats * task.groups)
        self.pack_weights = pack
        pack(task, &kernel[0, 0, 0, 0], &bias[0] if bias is not None else NULL, self.packed)
        return 0

    def run(self, const float[:, :, :, ::1] inputs, float[:, :, :, ::1] outputs, int threads,
            const float[:, :, :, ::1] addends=None):
        """Convolve all images of inputs (N, H, W, C) into outputs (N, P, Q, K)."""
        cdef Py_ssize_t units = inputs.shape[0] * self.task.P
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *table[2]
        if units == 0:
            return
        table[0] = &inputs[0, 0, 0, 0]
        if self.task.adds:
            table[1] = &addends[0, 0, 0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            block(&self.task, table, &outputs[0, 0, 0, 0],
                  scratch.floats + threadid() * scratch.stride,
                  units * chunk // chunks, units * (chunk + 1) // chunks)
