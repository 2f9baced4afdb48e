"""Ops that only move floats: zero borders, reordered axes, joined arrays."""

from math import prod

from cython.parallel cimport prange
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from cnnfast._kernels.step cimport Kernel, chunks_of

cdef enum:
    # Outer axes of a permutation of five: all but the two that a band covers.
    OUTER = 3
    # A tile is this many floats square: a cache line of each of its rows and columns.
    TILE = 16
    # Floats in a band at least, so that finding its place costs little.
    BAND_FLOATS = 1024

cdef struct PadTask:
    Py_ssize_t H, height, top   # input rows, output rows
    Py_ssize_t row              # floats in an input row
    Py_ssize_t before, after    # zeros on either side of it

cdef struct Axis:
    Py_ssize_t size
    Py_ssize_t source, target   # floats between neighbours in the input, in the output

cdef struct PermuteTask:
    Py_ssize_t floats           # in an image
    Axis outer[OUTER]
    Axis rows, columns          # columns.target = 1; either rows.source or columns.source is 1
    Py_ssize_t band, bands      # rows in a band, bands in `rows`

cdef struct ConcatenateTask:
    Py_ssize_t count            # of inputs
    const Py_ssize_t *widths    # of their rows
    Py_ssize_t source, target   # from a row to the next: of a single input, of the output


cdef int pad_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Output rows [start, stop)."""
    cdef const PadTask *task = <const PadTask *>opaque
    cdef Py_ssize_t width = task.before + task.row + task.after, index, image, h
    cdef float *y
    for index in range(start, stop):
        image, h = index // task.height, index % task.height - task.top
        y = output + index * width
        if h < 0 or h >= task.H:
            memset(y, 0, width * sizeof(float))
            continue
        memset(y, 0, task.before * sizeof(float))
        memcpy(y + task.before, inputs[0] + (image * task.H + h) * task.row,
               task.row * sizeof(float))
        memset(y + task.before + task.row, 0, task.after * sizeof(float))
    return 0


cdef void copy_rows(const PermuteTask *task, const float *x, float *y,
                    Py_ssize_t rows) noexcept nogil:
    """Move rows that stay whole."""
    cdef Py_ssize_t r
    for r in range(rows):
        memcpy(y + r * task.rows.target, x + r * task.rows.source,
               task.columns.size * sizeof(float))


cdef void swap_tile(const float *x, Py_ssize_t source, float *y, Py_ssize_t target,
                    Py_ssize_t rows, Py_ssize_t columns) noexcept nogil:
    """Transpose one tile: y[r, c] = x[c, r]."""
    cdef Py_ssize_t r, c
    for r in range(rows):
        for c in range(columns):
            y[r * target + c] = x[c * source + r]


cdef void swap_rows(const PermuteTask *task, const float *x, float *y,
                    Py_ssize_t rows) noexcept nogil:
    """Move rows that are columns in the input, tile by tile."""
    cdef Py_ssize_t source = task.columns.source, target = task.rows.target
    cdef Py_ssize_t columns = task.columns.size, r = 0, c
    while r < rows:
        c = 0
        while c < columns:
            swap_tile(x + c * source + r, source, y + r * target + c, target,
                      min(TILE, rows - r), min(TILE, columns - c))
            c += TILE
        r += TILE


cdef void permute_band(const PermuteTask *task, const float *x, float *y,
                       Py_ssize_t unit) noexcept nogil:
    """Do one band of rows; `unit` counts bands, then the outer axes, then images."""
    cdef Py_ssize_t row = unit % task.bands * task.band
    cdef Py_ssize_t rest = unit // task.bands, source = 0, target = 0, axis, rows
    for axis in range(OUTER - 1, -1, -1):
        source += rest % task.outer[axis].size * task.outer[axis].source
        target += rest % task.outer[axis].size * task.outer[axis].target
        rest //= task.outer[axis].size
    x += rest * task.floats + source + row * task.rows.source
    y += rest * task.floats + target + row * task.rows.target
    rows = min(task.band, task.rows.size - row)
    if task.columns.source == 1:
        copy_rows(task, x, y, rows)
    else:
        swap_rows(task, x, y, rows)


cdef int permute_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Bands [start, stop)."""
    cdef const PermuteTask *task = <const PermuteTask *>opaque
    cdef Py_ssize_t unit
    for unit in range(start, stop):
        permute_band(task, inputs[0], output, unit)
    return 0


cdef int concatenate_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop)."""
    cdef const ConcatenateTask *task = <const ConcatenateTask *>opaque
    cdef Py_ssize_t row, index
    cdef Py_ssize_t width
    cdef float *y
    for row in range(start, stop):
        y = output + row * task.target
        for index in range(task.count):
            width = task.widths[index]
            memcpy(y, inputs[index] + row * (task.source if task.count == 1 else width),
                   width * sizeof(float))
            y += width
    return 0


cdef list merged_axes(tuple shape, tuple axes):
    """Return (size, source) of the output's axes, those joined that stay neighbours.

    An axis of one element has no neighbours and disappears.
    """
    merged, size, source = [], 1, 0
    for axis in axes:
        if shape[axis] == 1:
            continue
        inner = prod(shape[axis + 1:])
        if source != inner * shape[axis]:
            merged.append((size, source))
            size = 1
        size, source = size * shape[axis], inner
    return [*merged[1:], (size, max(source, 1))]


cdef class Pad(Kernel):
    """A border of zeros around an image; a unit is one output row."""

    cdef PadTask task

    def __init__(self, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C, tuple padding):
        top, bottom, left, right = padding
        if min(H, W, C) < 1 or min(padding) < 0:
            raise ValueError(
                "padding needs an image of at least one float and amounts of at least 0. "
                f"Received (H, W, C) = {(H, W, C)} and padding {padding}.")
        self.task.H, self.task.height, self.task.top = H, H + top + bottom, top
        self.task.row, self.task.before, self.task.after = W * C, left * C, right * C
        self.step.run = pad_block
        self.step.task = &self.task
        self.step.units = self.task.height
        self.step.work = 4.0 * C * (H * W + self.task.height * (left + W + right))

    def run(self, const float[:, :, :, ::1] inputs, float[:, :, :, ::1] outputs, int threads):
        """Border all images of inputs (N, H, W, C) in outputs (N, P, Q, C)."""
        cdef Py_ssize_t units = inputs.shape[0] * self.task.height
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef const float *x
        if units == 0:
            return
        x = &inputs[0, 0, 0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            pad_block(&self.task, &x, &outputs[0, 0, 0, 0], NULL,
                      units * chunk // chunks, units * (chunk + 1) // chunks)


cdef class Permute(Kernel):
    """Axes in another order; a unit is a band of rows.

    Axes that stay neighbours count as one. The last axis of the output are the columns; the rows
    are the axis whose elements lie side by side in the input, so that a tile of both is whole
    cache lines on both sides. Where that is one and the same axis, the rows are the axis before
    it and are copied whole.
    """

    cdef PermuteTask task

    def __init__(self, tuple shape, tuple axes):
        if not 1 <= len(shape) <= OUTER + 2 or sorted(axes) != list(range(len(shape))):
            raise ValueError(
                f"a permutation takes 1 to {OUTER + 2} axes and names each once, counted from 0. "
                f"Received shape {shape} and axes {axes}.")
        if min(shape) < 1:
            raise ValueError(f"sizes must be at least 1. Received shape {shape}.")
        self.plan([Axis(size, source, 0) for size, source in merged_axes(shape, axes)])
        self.step.run = permute_block
        self.step.task = &self.task
        self.step.work = 8.0 * self.task.floats

    cdef int plan(self, list axes) except -1:
        """Settle rows, columns and the axes outside them."""
        cdef PermuteTask *task = &self.task
        cdef Py_ssize_t units = 1, tiles, index
        task.floats = 1
        for axis in reversed(axes):
            axis["target"] = task.floats
            task.floats *= axis["size"]
        task.columns = axes.pop()
        task.rows = Axis(1, task.floats, task.floats)
        if task.columns.source != 1:
            task.rows = axes.pop(next(i for i, axis in enumerate(axes) if axis["source"] == 1))
        elif axes:
            task.rows = axes.pop()
        for index in range(OUTER):
            task.outer[index] = axes[index] if index < len(axes) else Axis(1, 0, 0)
            units *= task.outer[index].size
        tiles = max(1, BAND_FLOATS // (TILE * task.columns.size))
        task.band = tiles * TILE
        task.bands = (task.rows.size + task.band - 1) // task.band
        self.step.units = units * task.bands
        return 0

    def run(self, const float[:, ::1] inputs, float[:, ::1] outputs, int threads):
        """Permute all images of inputs (N, floats) into outputs (N, floats)."""
        cdef Py_ssize_t units = inputs.shape[0] * self.step.units
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef const float *x
        if units == 0:
            return
        x = &inputs[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            permute_block(&self.task, &x, &outputs[0, 0], NULL,
                          units * chunk // chunks, units * (chunk + 1) // chunks)


cdef class Concatenate(Kernel):
    """Rows of several arrays one behind the other; a unit is one output row."""

    cdef ConcatenateTask task
    cdef Py_ssize_t *widths

    def __init__(self, Py_ssize_t rows, tuple widths):
        if rows < 1 or not widths or min(widths) < 1:
            raise ValueError(
                "a concatenation needs at least one row and inputs of at least one float a row. "
                f"Received {rows} rows and widths {widths}.")
        self.widths = <Py_ssize_t *>malloc(len(widths) * sizeof(Py_ssize_t))
        if self.widths == NULL:
            raise MemoryError("cannot allocate the widths of a concatenation")
        for index, width in enumerate(widths):
            self.widths[index] = width
        self.task.count, self.task.widths = len(widths), self.widths
        self.task.source, self.task.target = widths[0], sum(widths)
        self.source = &self.task.source if len(widths) == 1 else NULL
        self.target = &self.task.target
        self.step.run = concatenate_block
        self.step.task = &self.task
        self.step.units = rows
        self.step.work = 8.0 * rows * self.task.target

    def __dealloc__(self):
        free(self.widths)

    def run(self, list inputs, float[:, :, ::1] outputs, int threads):
        """Join inputs, each (N, rows, its width), into outputs (N, rows, all widths)."""
        cdef Py_ssize_t units = outputs.shape[0] * self.step.units
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef const float[:, :, ::1] view
        cdef const float **pointers
        if len(inputs) != self.task.count:
            raise ValueError(
                f"this concatenation takes {self.task.count} inputs. Received {len(inputs)}.")
        if units == 0:
            return
        pointers = <const float **>malloc(self.task.count * sizeof(float *))
        if pointers == NULL:
            raise MemoryError("cannot allocate the inputs of a concatenation")
        try:
            for index, array in enumerate(inputs):
                view = array
                pointers[index] = &view[0, 0, 0]
            for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
                concatenate_block(&self.task, pointers, &outputs[0, 0, 0], NULL,
                                  units * chunk // chunks, units * (chunk + 1) // chunks)
        finally:
            free(pointers)
