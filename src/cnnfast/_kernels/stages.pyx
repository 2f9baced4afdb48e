"""Operations on interleaved images, each of their values a vector; see lanes.pyx.

A stage is to Lanes what a Kernel is to the executor: an operation with its constants, made ready
for one input shape. It does one block of images, all of them at once.

Layout: value i of the images at i * width, where width is 1 or BLOCK_VECTORS vectors. Seen that
way an image (H, W, C) is one of C * width channels, and what treats channels alike needs no
kernel of its own.
"""

from libc.math cimport INFINITY
from libc.string cimport memset

from cnnfast._kernels.dispatch cimport active_kernels, activation_named
from cnnfast._kernels.kernels cimport (
    Kernels, POOL_average, POOL_max, Run, Window, activation_kernel, pool_kernel,
)
from cnnfast._kernels.step cimport (
    Activation, allocate_floats, parse_activation, release_floats,
)


cdef class Stage:
    """Base of every operation on interleaved images; owns its packed constants."""

    def __dealloc__(self):
        release_floats(self.packed)

    @property
    def outputs(self):
        """Values per image that it writes."""
        return self.step.outputs

    cdef float *allocate(self, Py_ssize_t count) except NULL:
        """Allocate the packed constants, once."""
        self.packed = allocate_floats(count)
        if self.packed == NULL:
            raise MemoryError(f"cannot allocate {count * 4} bytes of packed weights")
        return self.packed


# ---------------------------------------------------------------------------------------- Sums

cdef struct SumsTask:
    const Kernels *kernels
    const Run *runs
    const int *cells        # for each output pixel: its first run, how many pixels it is made of
    const float *packed[2]  # for each tile of filters: biases, then the weights of each tap
    Py_ssize_t count        # output pixels
    Py_ssize_t depth, K
    Activation activation


cdef void sums(const void *opaque, const float *x, float *y, Py_ssize_t vectors) noexcept nogil:
    cdef const SumsTask *task = <const SumsTask *>opaque
    cdef const Kernels *kernels = task.kernels
    cdef Py_ssize_t wide = vectors > 1, width = vectors * kernels.lanes
    cdef Py_ssize_t widest = kernels.block_filters[wide]
    cdef Py_ssize_t tiles = (task.K + widest - 1) // widest
    cdef Py_ssize_t cell, tile, first, filters
    for cell in range(task.count):
        for tile in range(tiles):
            first = tile * widest
            filters = min(widest, task.K - first)
            kernels.blocks[wide][filters - 1](
                x, task.runs + task.cells[2 * cell], task.cells[2 * cell + 1],
                task.packed[wide] + first * (1 + task.depth), y + (cell * task.K + first) * width,
                task.activation.lowest, task.activation.highest)
    if task.activation.run != NULL:
        task.activation.run(y, y, task.count * task.K * width, task.activation.parameters)


cdef class Sums(Stage):
    """Weighted sums: a convolution, a matrix product, or the maximum of some of their pixels.

    Args:
        runs: (any, 4), x, weight, length and last of each run of taps (kernels.h).
        cells: (output pixels, 2), the first run and the number of pixels of each maximum.
        kernel: (taps, K).
        bias: (K,), or None.
        activation: applied to the result.
    """

    cdef SumsTask task
    cdef const int[:, ::1] runs, cells

    def __init__(self, const int[:, ::1] runs, const int[:, ::1] cells,
                 const float[:, ::1] kernel, const float[::1] bias, tuple activation):
        cdef SumsTask *task = &self.task
        self.runs, self.cells = runs, cells
        task.kernels = active_kernels()
        task.runs, task.cells = <const Run *>&runs[0, 0], &cells[0, 0]
        task.count = cells.shape[0]
        task.depth, task.K = kernel.shape[0], kernel.shape[1]
        task.activation = parse_activation(activation, task.kernels)
        task.packed[0] = self.allocate(2 * (1 + task.depth) * task.K)
        task.packed[1] = task.packed[0] + (1 + task.depth) * task.K
        self.pack(kernel, bias, 0)
        self.pack(kernel, bias, 1)
        self.step.run = sums
        self.step.task = task
        self.step.outputs = task.count * task.K

    cdef void pack(self, const float[:, ::1] kernel, const float[::1] bias, bint wide) noexcept:
        """Pack for the tiles of one vector of images, or of more."""
        cdef Py_ssize_t widest = self.task.kernels.block_filters[wide]
        cdef Py_ssize_t first, end, tap, k
        cdef float *out = <float *>self.task.packed[wide]
        memset(out, 0, (1 + self.task.depth) * self.task.K * sizeof(float))
        for first in range(0, self.task.K, widest):
            end = min(first + widest, self.task.K)
            if bias is not None:
                for k in range(first, end):
                    out[k - first] = bias[k]
            out += end - first
            for tap in range(self.task.depth):
                for k in range(first, end):
                    out[k - first] = kernel[tap, k]
                out += end - first


# ------------------------------------------------------------------------------------- Windows

cdef struct WindowsTask:
    pool_kernel *kernel
    const int *windows      # for each output pixel: the first pixel of its input, rows, columns
    bint average
    Py_ssize_t count        # output pixels
    Py_ssize_t W
    Py_ssize_t floats       # of a pixel, for one vector of images


cdef void pool_windows(
        const void *opaque, const float *x, float *y, Py_ssize_t vectors) noexcept nogil:
    cdef const WindowsTask *task = <const WindowsTask *>opaque
    cdef Py_ssize_t pixel = task.floats * vectors, cell
    cdef const int *at = task.windows
    cdef float scale = 1.0
    cdef Window window
    for cell in range(task.count):
        window = [at[1], task.W * pixel, at[2], pixel]
        if task.average:
            scale = <float>(1.0 / (at[1] * at[2]))
        task.kernel(x + at[0] * pixel, 0, &window, y + cell * pixel, 0, 1, pixel, scale)
        at += 3


cdef class Windows(Stage):
    """Pooling of images of W pixels a row.

    Args:
        kind: "max" or "average".
        windows: (output pixels, 3), first pixel, rows and columns of what each is made of: at
            least one pixel of the image.
    """

    cdef WindowsTask task
    cdef const int[:, ::1] windows

    def __init__(self, str kind, const int[:, ::1] windows, Py_ssize_t W, Py_ssize_t C):
        cdef const Kernels *kernels = active_kernels()
        self.windows = windows
        self.task.average = kind == "average"
        self.task.kernel = kernels.pools[POOL_average if self.task.average else POOL_max]
        self.task.windows, self.task.count = &windows[0, 0], windows.shape[0]
        self.task.W, self.task.floats = W, C * kernels.lanes
        self.step.run = pool_windows
        self.step.task = &self.task
        self.step.outputs = self.task.count * C


# -------------------------------------------------------------------------------------- Scales

cdef struct ScalesTask:
    const Kernels *kernels
    const float *packed     # for each channel: two vectors of its scale, two of its shift
    Py_ssize_t rows, C


cdef void scales(const void *opaque, const float *x, float *y, Py_ssize_t vectors) noexcept nogil:
    cdef const ScalesTask *task = <const ScalesTask *>opaque
    cdef Py_ssize_t lanes = task.kernels.lanes, width = vectors * lanes
    cdef Py_ssize_t _row, c
    cdef const float *scale
    for _row in range(task.rows):
        for c in range(task.C):
            scale = task.packed + 4 * c * lanes
            task.kernels.scale_shift(x, y, width, scale, scale + 2 * lanes, lanes, 0, -INFINITY,
                                     INFINITY)
            x += width
            y += width


cdef class Scales(Stage):
    """A multiplication and an addition per channel, `rows` rows of channels."""

    cdef ScalesTask task

    def __init__(self, Py_ssize_t rows, const float[::1] scale, const float[::1] shift):
        cdef const Kernels *kernels = active_kernels()
        cdef Py_ssize_t lanes = kernels.lanes, c, i
        self.task.kernels, self.task.rows, self.task.C = kernels, rows, scale.shape[0]
        self.task.packed = self.allocate(4 * lanes * self.task.C)
        for c in range(self.task.C):
            for i in range(2 * lanes):
                self.packed[4 * c * lanes + i] = scale[c]
                self.packed[(4 * c + 2) * lanes + i] = shift[c]
        self.step.run = scales
        self.step.task = &self.task
        self.step.outputs = rows * self.task.C
        self.step.in_place = True


# ----------------------------------------------------------------------------------- Activates

cdef struct ActivatesTask:
    activation_kernel *kernel
    Py_ssize_t floats       # of one vector of images
    float parameters[3]


cdef void activates(
        const void *opaque, const float *x, float *y, Py_ssize_t vectors) noexcept nogil:
    cdef const ActivatesTask *task = <const ActivatesTask *>opaque
    task.kernel(x, y, task.floats * vectors, task.parameters)


cdef class Activates(Stage):
    """y = f(x) for every value."""

    cdef ActivatesTask task

    def __init__(self, Py_ssize_t size, tuple activation):
        cdef const Kernels *kernels = active_kernels()
        self.task.kernel = activation_named(kernels, activation[0])
        self.task.floats = size * kernels.lanes
        for i in range(3):
            self.task.parameters[i] = activation[1 + i]
        self.step.run = activates
        self.step.task = &self.task
        self.step.outputs = size
        self.step.in_place = True
