"""Dense: y[m, n] = activation(bias[n] + sum over k of x[m, k] * kernel[k, n] + addend[m, n]).

Layout: x is (rows, C), kernel is packed in panels, y is (rows, K). The loops are row block ->
panel -> tile, so that a block of rows stays in L2 while each panel is streamed through it once.
"""

from cython.parallel cimport prange, threadid
from libc.string cimport memcpy

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport Kernels
from cnnfast._kernels.pack cimport (
    Panel, even_tile, pack_panels, packed_floats, panel_at, panel_count,
)
from cnnfast._kernels.step cimport (
    Activation, Kernel, Scratch, chunks_of, parse_activation,
)

# Rows in flight: a quarter of a 1 MB L2, the rest is for the panel and the output.
cdef Py_ssize_t BLOCK_FLOATS = 64 * 1024
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
    Py_ssize_t lda          # distance of rows as the tile reads them; not depth: gathered
    bint adds               # a second input
    Activation activation


cdef void tiles(const DenseTask *task, const float *x, const float *addend, float *y,
                Py_ssize_t rows) noexcept nogil:
    """Multiply one block of rows by every panel."""
    cdef const Kernels *kernels = task.kernels
    cdef Py_ssize_t offset = 0, step = even_tile(rows, kernels.gemm_rows)
    cdef Py_ssize_t index, m, height, place
    cdef Panel panel
    for index in range(panel_count(kernels, task.columns)):
        panel = panel_at(kernels, task.columns, task.depth, index)
        m = 0
        while m < rows:
            height = min(step, rows - m)
            place = m * task.columns + panel.first
            kernels.gemm[panel.vectors - 1][height - 1](
                x + m * task.lda, task.lda, &offset, 1, task.depth, task.packed + panel.offset,
                y + place, task.columns, panel.columns,
                addend + place if task.adds else NULL, task.activation.lowest,
                task.activation.highest)
            m += height


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop)."""
    cdef const DenseTask *task = <const DenseTask *>opaque
    cdef const float *x
    cdef const float *addend = NULL
    cdef float *y
    cdef Py_ssize_t rows, m
    while start < stop:
        rows = min(task.block, stop - start)
        x = inputs[0] + start * task.depth
        y = output + start * task.columns
        if task.lda != task.depth:
            for m in range(rows):
                memcpy(scratch + m * task.lda, x + m * task.depth, task.depth * sizeof(float))
            x = scratch
        if task.adds:
            addend = inputs[1] + start * task.columns
        tiles(task, x, addend, y, rows)
        if task.activation.run != NULL:
            task.activation.run(y, y, rows * task.columns, task.activation.parameters)
        start += rows
    return 0


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
        self.task.block = max(kernels.gemm_rows, BLOCK_FLOATS // depth // kernels.gemm_rows
                              * kernels.gemm_rows)
        self.task.lda = depth + GAP if depth % ALIASED == 0 else depth
        self.task.packed = self.allocate(packed_floats(kernels, columns, depth))
        if bias is not None:
            bias_floats = &bias[0]
        pack_panels(kernels, &kernel[0, 0], columns, bias_floats, columns, depth, self.packed)
        self.step.run = block
        self.step.task = &self.task
        self.step.units = rows
        self.step.scratch = self.task.block * self.task.lda if self.task.lda != depth else 0
        self.step.work = 2.0 * rows * depth * columns

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
