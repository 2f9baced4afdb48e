"""Depthwise convolution between two matrix products over pixels, a few rows at a time.

    e = f(a + x A)          expansion, for every pixel: C -> E channels; may be left out
    d = depthwise(e)        see depthwise.pyx: E -> D channels
    y = g(b + d B)          projection, for every pixel: D -> K channels; may be left out

Layout: NHWC. A strip of rows of e lies in scratch with a border of zeros, as tall as L2 has room
for; the rows that the next strip sees again are moved to its top. In MobileNetV2 e takes 4.8 MB
an image, which would go to memory and back.

Numerics: each value is the same chain of multiply-adds as when the three are done one by one. A
thread that begins in the middle of an image makes the rows above it once more.
"""

from cython.parallel cimport prange, threadid
from libc.string cimport memmove, memset

from cnnfast._kernels.depthwise cimport Depthwise, DepthwiseTask, depthwise_rows
from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport Kernels
from cnnfast._kernels.pack cimport (
    Panel, even_tile, pack_panels, packed_floats, panel_at, panel_count,
)
from cnnfast._kernels.step cimport (
    Activation, Kernel, Scratch, Step, chunks_of, padded_floats, parse_activation,
)

# The bordered rows of a strip: three eighths of a 1 MB L2.
cdef Py_ssize_t STRIP_FLOATS = 96 * 1024

cdef struct SeparableTask:
    const Kernels *kernels
    Py_ssize_t H, W, C, P       # of the input; output rows
    Py_ssize_t strip            # output rows done together
    bint expands
    const float *packed         # the expansion's panels
    Py_ssize_t E
    Activation activation       # of the expansion
    Py_ssize_t top, left        # of the border
    Py_ssize_t inside           # pixels in a row of e that are not border
    Py_ssize_t row, reach       # floats in a bordered row; rows that an output row sees
    Py_ssize_t stride
    const DepthwiseTask *depthwise
    Py_ssize_t bordered, middle  # floats of a strip of e and d in scratch
    bint projects
    Step project
    Py_ssize_t pixels, K        # in an output row, floats in each


cdef void expand_panel(
        const SeparableTask *task, const float *x, float *e, Panel panel,
        Py_ssize_t rows) noexcept nogil:
    """Multiply the pixels of `rows` rows by one panel."""
    cdef Py_ssize_t step = even_tile(task.inside, task.kernels.gemm_rows)
    cdef Py_ssize_t offset = 0, row, w, height
    for row in range(rows):
        w = 0
        while w < task.inside:
            height = min(step, task.inside - w)
            task.kernels.gemm[panel.vectors - 1][height - 1](
                x + (row * task.W + w) * task.C, task.C, &offset, 1, task.C,
                task.packed + panel.offset, e + row * task.row + w * task.E + panel.first,
                task.E, panel.columns, NULL, task.activation.lowest, task.activation.highest)
            w += height


cdef void expand(
        const SeparableTask *task, const float *x, float *e, Py_ssize_t first,
        Py_ssize_t stop) noexcept nogil:
    """Make rows [first, stop) of e, zeros where they lie outside the image."""
    cdef Py_ssize_t above = min(max(-first, 0), stop - first)
    cdef Py_ssize_t below = min(max(stop - task.H, 0), stop - first - above)
    cdef Py_ssize_t rows = stop - first - above - below, index, row
    memset(e, 0, above * task.row * sizeof(float))
    memset(e + (above + rows) * task.row, 0, below * task.row * sizeof(float))
    e += above * task.row + task.left * task.E
    x += (first + above) * task.W * task.C
    for index in range(panel_count(task.kernels, task.E)):
        expand_panel(task, x, e, panel_at(task.kernels, task.E, task.C, index), rows)
    if task.activation.run != NULL:
        for row in range(rows):
            task.activation.run(e + row * task.row, e + row * task.row, task.inside * task.E,
                                task.activation.parameters)


cdef void clear_sides(const SeparableTask *task, float *e) noexcept nogil:
    """Put zeros to the left and the right of every row."""
    cdef Py_ssize_t left = task.left * task.E, right = left + task.inside * task.E, row
    for row in range(task.bordered // task.row):
        memset(e + row * task.row, 0, left * sizeof(float))
        memset(e + row * task.row + right, 0, (task.row - right) * sizeof(float))


cdef void filter_rows(
        const SeparableTask *task, const float *x, float *y, float *scratch, Py_ssize_t p,
        Py_ssize_t stop) noexcept nogil:
    """Do output rows [p, stop) of one image; y is where the first of them goes."""
    cdef float *e = scratch
    cdef float *d = scratch + task.bordered
    cdef float *rest = d + task.middle
    cdef const float *filtered
    cdef Py_ssize_t kept = 0, rows, first, seen
    if task.expands:
        clear_sides(task, e)
    while p < stop:
        rows = min(task.strip, stop - p)
        if not task.projects:
            d = y
        if task.expands:
            first, seen = p * task.stride - task.top, (rows - 1) * task.stride + task.reach
            expand(task, x, e + kept * task.row, first + kept, first + seen)
            depthwise_rows(task.depthwise, e, d, rest, 0, rows)
            kept = max(seen - rows * task.stride, 0)
            memmove(e, e + (seen - kept) * task.row, kept * task.row * sizeof(float))
        else:
            depthwise_rows(task.depthwise, x, d, rest, p, p + rows)
        if task.projects:
            filtered = d
            task.project.run(task.project.task, &filtered, y, rest, 0, rows * task.pixels)
        y += rows * task.pixels * task.K
        p += rows


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Output rows [start, stop), counted through the images."""
    cdef const SeparableTask *task = <const SeparableTask *>opaque
    cdef Py_ssize_t p, rows, row = task.pixels * task.K
    while start < stop:
        p = start % task.P
        rows = min(task.P - p, stop - start)
        filter_rows(task, inputs[0] + start // task.P * task.H * task.W * task.C,
                    output + start * row, scratch, p, p + rows)
        start += rows
    return 0


cdef class Separable(Kernel):
    """The chain with packed weights.

    Args:
        H, W, C: shape of the input.
        expansion: (kernel (C, E), bias (E,) or None, activation), or None.
        depthwise: (kernel (R, S, E, M), bias or None, strides, padding, dilation, activation).
        projection: matrix product over the pixels of an output image, or None.
        K: channels of the output.
    """

    cdef SeparableTask task
    cdef Depthwise depthwise
    cdef Kernel projection

    def __init__(self, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C, tuple expansion,
                 tuple depthwise, Kernel projection, Py_ssize_t K):
        cdef SeparableTask *task = &self.task
        cdef Py_ssize_t row
        task.kernels = active_kernels()
        task.H, task.W, task.C, task.K = H, W, C, K
        task.expands, task.projects = expansion is not None, projection is not None
        self.projection = projection
        if task.expands:
            self.border(depthwise)
            self.pack(expansion)
        else:
            self.depthwise = Depthwise(H, W, C, *depthwise)
            task.P = self.depthwise.task.P
            row = self.depthwise.task.Q * self.depthwise.task.K
            task.strip = min(max(STRIP_FLOATS // row, 1), task.P)
        task.depthwise = &self.depthwise.task
        task.pixels = task.depthwise.Q
        self.measure()

    cdef int border(self, tuple depthwise) except -1:
        """Choose the strip and prepare the depthwise convolution of it, which needs no border."""
        cdef SeparableTask *task = &self.task
        kernel, bias, strides, padding, dilation, activation = depthwise
        cdef Py_ssize_t width, Q, rows
        top, bottom, task.left, right = padding
        task.top, task.stride, task.E = top, strides[0], kernel.shape[2]
        task.reach = (kernel.shape[0] - 1) * dilation[0] + 1
        width = (kernel.shape[1] - 1) * dilation[1] + 1
        task.P = (task.H + top + bottom - task.reach) // task.stride + 1
        Q = (task.W + task.left + right - width) // strides[1] + 1
        width += (Q - 1) * strides[1]
        task.inside = max(min(task.W, width - task.left), 0)
        task.row = width * task.E
        rows = (STRIP_FLOATS // task.row - task.reach) // task.stride + 1
        task.strip = min(max(rows, 1), task.P)
        rows = (task.strip - 1) * task.stride + task.reach
        task.bordered = padded_floats(rows * task.row)
        self.depthwise = Depthwise(rows, width, task.E, kernel, bias, strides, (0, 0, 0, 0),
                                   dilation, activation)
        return 0

    cdef int pack(self, tuple expansion) except -1:
        cdef SeparableTask *task = &self.task
        cdef const float[:, ::1] kernel = expansion[0]
        cdef const float[::1] bias = expansion[1]
        cdef const float *bias_floats = NULL
        task.activation = parse_activation(expansion[2], task.kernels)
        task.packed = self.allocate(packed_floats(task.kernels, task.E, task.C))
        if bias is not None:
            bias_floats = &bias[0]
        pack_panels(task.kernels, &kernel[0, 0], task.E, bias_floats, task.E, task.C, self.packed)
        return 0

    cdef void measure(self) noexcept:
        """Count scratch and work."""
        cdef SeparableTask *task = &self.task
        cdef Py_ssize_t row = task.pixels * task.depthwise.K
        cdef Py_ssize_t taps = task.depthwise.R * task.depthwise.S
        cdef Py_ssize_t shared = self.depthwise.step.scratch
        self.step.work = 2.0 * task.P * row * taps
        if task.expands:
            self.step.work += 2.0 * task.H * task.inside * task.C * task.E
        if task.projects:
            task.middle = padded_floats(task.strip * row)
            task.project = self.projection.step
            shared = max(shared, task.project.scratch)
            self.step.work += task.project.work
        self.step.run = block
        self.step.task = task
        self.step.units = task.P
        self.step.scratch = task.bordered + task.middle + shared

    def run(self, const float[:, :, :, ::1] inputs, float[:, :, :, ::1] outputs, int threads):
        """Do all images of inputs (N, H, W, C) into outputs (N, P, Q, K)."""
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
