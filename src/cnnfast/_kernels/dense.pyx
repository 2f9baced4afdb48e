"""Dense: y[m, n] = activation(bias[n] + sum over k of x[m, k] * kernel[k, n] + addend[m, n]).

Layout: x is (rows, C), kernel is packed in panels, y is (rows, K). The loops are row block ->
panel -> tile, so that a block of rows stays in L2 while each panel is streamed through it once.
"""

from cython.parallel cimport prange, threadid
from libc.string cimport memcpy

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport Kernels
from cnnfast._kernels.pack cimport (
    Panel, even_tile, pack_panels, packed_floats, panel_at, panel_count, unpack_panels,
)
from cnnfast._kernels.step cimport (
    Activation, Kernel, Scratch, activate_rows, chunks_of, parse_activation,
)

# Rows in flight: a quarter of a 1 MB L2, the rest is for the panel and the output.
cdef Py_ssize_t BLOCK_FLOATS = 64 * 1024
# Weights beyond a share of an L3 come from memory: as many tiles of rows use each panel of them.
cdef Py_ssize_t LARGE_WEIGHTS = 4 * 1024 * 1024
cdef Py_ssize_t LEAST_TILES = 4
# Rows this many floats apart (a multiple of 2 KB) fall into two sets of an 8-way L1; they are
# gathered with a gap of one cache line.
cdef Py_ssize_t ALIASED = 512
cdef Py_ssize_t GAP = 16

cdef struct DenseTask:
    const Kernels *kernels
    const float *packed
    Py_ssize_t depth        # C
    Py_ssize_t columns      # K
    Py_ssize_t block        # rows that go through all panels together
    Py_ssize_t source       # from a row of x to the next
    Py_ssize_t target       # from a row of y to the next
    Py_ssize_t lda          # distance of rows as the tile reads them; not source: gathered
    bint adds               # a second input
    Activation activation


cdef void tiles(
        const DenseTask *task, const float *x, const float *addend, float *y, Py_ssize_t rows,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Multiply one block of rows by panels [start, stop)."""
    cdef const Kernels *kernels = task.kernels
    cdef Py_ssize_t offset = 0, step = even_tile(rows, kernels.gemm_rows)
    cdef Py_ssize_t index, m, height, place
    cdef Panel panel
    for index in range(start, stop):
        panel = panel_at(kernels, task.columns, task.depth, index)
        m = 0
        while m < rows:
            height = min(step, rows - m)
            place = m * task.target + panel.first
            kernels.gemm[panel.vectors - 1][height - 1](
                x + m * task.lda, task.lda, &offset, 1, task.depth, task.packed + panel.offset,
                y + place, task.target, panel.columns,
                addend + place if task.adds else NULL, task.activation.lowest,
                task.activation.highest)
            m += height


cdef const float *gather(
        const DenseTask *task, const float *x, float *scratch, Py_ssize_t rows) noexcept nogil:
    """Return rows at distances that do not alias, copied where they do."""
    cdef Py_ssize_t m
    if task.lda == task.source:
        return x
    for m in range(rows):
        memcpy(scratch + m * task.lda, x + m * task.source, task.depth * sizeof(float))
    return scratch


cdef void some_rows(
        const DenseTask *task, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t first, Py_ssize_t rows, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Multiply rows [first, first + rows) by panels [start, stop)."""
    cdef const float *addend = NULL
    if task.adds:
        addend = inputs[1] + first * task.columns
    tiles(task, gather(task, inputs[0] + first * task.source, scratch, rows), addend,
          output + first * task.target, rows, start, stop)


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop)."""
    cdef const DenseTask *task = <const DenseTask *>opaque
    cdef Py_ssize_t rows
    while start < stop:
        rows = min(task.block, stop - start)
        some_rows(task, inputs, output, scratch, start, rows, 0,
                  panel_count(task.kernels, task.columns))
        activate_rows(&task.activation, output + start * task.target, rows, task.columns,
                      task.target)
        start += rows
    return 0


cdef int panels_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t units, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """All rows, but only the columns of panels [start, stop)."""
    cdef const DenseTask *task = <const DenseTask *>opaque
    cdef Py_ssize_t width = 2 * task.kernels.lanes, done = 0, rows
    cdef Py_ssize_t first = start * width, columns = min(stop * width, task.columns) - first
    if columns <= 0:
        return 0
    while done < units:
        rows = min(task.block, units - done)
        some_rows(task, inputs, output, scratch, done, rows, start, stop)
        activate_rows(&task.activation, output + done * task.target + first, rows, columns,
                      task.target)
        done += rows
    return 0


cdef void pack(
        const void *opaque, const float *weights, const float *bias,
        float *packed) noexcept nogil:
    cdef const DenseTask *task = <const DenseTask *>opaque
    pack_panels(task.kernels, weights, task.columns, bias, task.columns, task.depth, packed)


cdef class Dense(Kernel):
    """A matrix product with packed weights, `rows` matrix rows per image."""

    cdef DenseTask task

    def __init__(self, Py_ssize_t rows, const float[:, ::1] kernel, const float[::1] bias,
                 tuple activation, bint adds=False):
        cdef const Kernels *kernels = active_kernels()
        cdef Py_ssize_t depth = kernel.shape[0], columns = kernel.shape[1]
        cdef const float *bias_floats = NULL
        self.task.kernels = kernels
        self.task.depth, self.task.columns, self.task.adds = depth, columns, adds
        self.task.activation = parse_activation(activation, kernels)
        self.task.block = max(
            BLOCK_FLOATS // depth // kernels.gemm_rows,
            LEAST_TILES if depth * columns > LARGE_WEIGHTS else 1) * kernels.gemm_rows
        self.task.source, self.task.target = depth, columns
        self.source = &self.task.source
        self.target = NULL if adds else &self.task.target   # where addends lie as outputs do
        self.task.packed = self.allocate(packed_floats(kernels, columns, depth))
        if bias is not None:
            bias_floats = &bias[0]
        self.pack_weights = pack
        pack(&self.task, &kernel[0, 0], bias_floats, self.packed)
        self.step.run = block
        self.step.run_panels = panels_block
        self.step.panels = panel_count(kernels, columns)
        # Threads that share rows each read all weights; those that share panels, all inputs.
        self.step.few = columns if self.step.panels > 1 else 0
        self.step.task = &self.task
        self.step.units = rows
        self.step.work = 2.0 * rows * depth * columns
        self.settle()

    cdef int settle(self) except -1:
        """Decide whether rows are gathered."""
        cdef DenseTask *task = &self.task
        cdef bint aliased = task.source % ALIASED == 0
        task.lda = task.depth + GAP if aliased else task.source
        self.step.scratch = task.block * task.lda if aliased else 0
        return 0

    @property
    def shape(self):
        """Of the matrix, (C, K)."""
        return self.task.depth, self.task.columns

    def unpack(self, float[:, ::1] kernel):
        """Write the matrix as it was before it was packed."""
        if (kernel.shape[0], kernel.shape[1]) != self.shape:
            raise ValueError(
                f"the matrix has shape {self.shape}. "
                f"Received {(kernel.shape[0], kernel.shape[1])}.")
        unpack_panels(self.task.kernels, self.packed, self.task.columns, self.task.depth,
                      &kernel[0, 0])

    def run(self, const float[:, ::1] inputs, float[:, ::1] outputs, int threads,
            const float[:, ::1] addends=None):
        """Multiply all rows of inputs (any number of them) into outputs."""
        cdef Py_ssize_t rows = inputs.shape[0], chunk, chunks = chunks_of(rows, threads)
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *table[2]
        if rows == 0:
            return
        table[0] = &inputs[0, 0]
        if self.task.adds:
            table[1] = &addends[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            block(&self.task, table, &outputs[0, 0],
                  scratch.floats + threadid() * scratch.stride,
                  rows * chunk // chunks, rows * (chunk + 1) // chunks)
