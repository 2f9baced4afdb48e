"""Winograd's F(4, 4) along rows: four outputs of a filter of 7 taps in 13 products, not 28.

y = A^T [sum over g, c of (G g_gc) * (B^T d_(t+g)c)] + bias, per four neighbouring outputs, tile t,
where g_g is the g-th group of four taps, d_t the seven inputs from four times t on, and *
multiplies by element. Because tiles are as far apart as groups are long, each input is transformed
once, and a product sums over the tiles t, t + 1, ... as a direct convolution does over pixels.

Groups are filled up with zeros, before and behind the taps. A last group that ends in zeros has no
product at infinity, whose filter is the last tap: 7 taps take 6 x 2 + 1 products, 3 take 6.

Layout: rows of NHWC; weights are transformed in float64 and packed in panels, point by point. With
dilation, pixels that are as far apart make up sequences of their own. A block of tiles, taken
across sequences, goes through three phases in scratch: V[7][tile][C] is filled, the GEMM tile turns
it into M[7][tile][K], with the tiles of a group as its segments, and that becomes outputs. A piece
of a sequence has some tiles in V behind it that its last ones meet; their rows of M mean nothing.

Numerics: up to 2.5 times the rms error of the direct sum in float32, and from 32 channels on no
more than 3 times at any of the four places. An infinite or NaN input can make the whole tiles that
see it NaN, for every filter. Inputs beyond 1e36 may overflow.
"""

from cython.parallel cimport prange, threadid
from libc.math cimport INFINITY
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport Kernels
from cnnfast._kernels.pack cimport (
    Panel, even_tile, packed_floats, panel_at, panel_count, up_to_multiple,
)
from cnnfast._kernels.step cimport (
    Activation, Kernel, Scratch, activate_rows, chunks_of, parse_activation,
)

cdef enum:
    POINTS = 7
    INFINITE = 6    # the point that is the last tap
    TILE = 4        # outputs, and taps of a group

# Tiles of a block: V of 128 channels and M of as many filters take a third of a 1 MB L2.
cdef Py_ssize_t BLOCK = 56
# More floats of weights than a share of an L3 holds: more tiles make use of each.
cdef Py_ssize_t LARGE_WEIGHTS = 4 * 1024 * 1024
# Filters done together: M's part of that L2, with no need to be larger for more filters.
cdef Py_ssize_t CHUNK = 128
# Tiles this many floats apart (a multiple of 2 KB) alias in L1; a cache line between them helps.
cdef Py_ssize_t ALIASED = 512
cdef Py_ssize_t GAP = 16
# A page: planes lie a cache line more than a multiple of it apart.
cdef Py_ssize_t PAGE = 1024

cdef struct SequenceTask:
    const Kernels *kernels
    const float *packed
    Py_ssize_t point_floats     # packed floats of each point but the last
    const float *bias
    const float *zeros          # filters of a tap that is none
    Py_ssize_t W, C, Q, K, S
    Py_ssize_t target           # floats from a pixel of the output to the next
    Py_ssize_t front            # taps that are none before the first
    Py_ssize_t left             # pixels of padding, and of those taps
    Py_ssize_t dilation         # pixels from one of a sequence to the next; sequences of a row
    Py_ssize_t groups
    Py_ssize_t last_groups      # at infinity
    Py_ssize_t tiles            # of a sequence
    Py_ssize_t step             # tiles done together: a piece of a sequence, or whole ones
    Py_ssize_t chunk            # filters done together, whole panels
    Py_ssize_t v_row, m_row     # distances of tiles in V and M
    Py_ssize_t v_plane, m_plane     # and of points
    const Py_ssize_t *offsets   # of groups in V
    bint adds                   # a second input
    Activation activation

cdef struct Piece:
    # Tiles of one sequence: the first, how many, and where the pixels of that sequence begin.
    Py_ssize_t first, count
    Py_ssize_t row, phase


cdef Piece piece_at(const SequenceTask *task, Py_ssize_t unit, Py_ssize_t stop) noexcept nogil:
    """Return the tiles from a unit on to the end of its sequence, or to `stop`."""
    cdef Piece piece
    cdef Py_ssize_t sequence = unit // task.tiles
    piece.first = unit % task.tiles
    piece.count = min(task.tiles - piece.first, stop - unit)
    piece.row, piece.phase = sequence // task.dilation, sequence % task.dilation
    return piece


cdef void gather_tile(
        const SequenceTask *task, const float *x, Py_ssize_t phase, Py_ssize_t tile,
        float *v) noexcept nogil:
    """Transform the inputs of a tile of the row x."""
    cdef Py_ssize_t begin = phase - task.left + tile * TILE * task.dilation
    cdef Py_ssize_t first = 0, last = POINTS
    while first < POINTS and begin + first * task.dilation < 0:
        first += 1
    while last > first and begin + (last - 1) * task.dilation >= task.W:
        last -= 1
    task.kernels.sequence_input(
        x + (begin + first * task.dilation) * task.C if first < last else x,
        task.dilation * task.C, first, last, task.C, v, task.v_plane)


cdef Py_ssize_t gather(
        const SequenceTask *task, const float *x, Py_ssize_t start, Py_ssize_t stop,
        float *v) noexcept nogil:
    """Transform what units [start, stop) meet; return how many rows of V that is."""
    cdef Py_ssize_t rows = 0, i
    cdef Piece piece
    while start < stop:
        piece = piece_at(task, start, stop)
        for i in range(piece.count + task.groups - 1):
            gather_tile(task, x + piece.row * task.W * task.C, piece.phase, piece.first + i,
                        v + (rows + i) * task.v_row)
        rows += piece.count + task.groups - 1
        start += piece.count
    return rows


cdef void multiply(
        const SequenceTask *task, const float *v, float *m, Py_ssize_t first, Py_ssize_t stop,
        Py_ssize_t rows) noexcept nogil:
    """Multiply all points of some rows with the panels of filters [first, stop)."""
    cdef Py_ssize_t step = even_tile(rows, task.kernels.gemm_rows)
    cdef Py_ssize_t width = 2 * task.kernels.lanes, point, index, row, groups
    cdef Panel panel
    for point in range(POINTS):
        groups = task.last_groups if point == INFINITE else task.groups
        for index in range(first // width, (stop + width - 1) // width):
            panel = panel_at(task.kernels, task.K, groups * task.C, index)
            row = 0
            while row < rows:
                task.kernels.gemm[panel.vectors - 1][min(step, rows - row) - 1](
                    v + point * task.v_plane + row * task.v_row, task.v_row, task.offsets, groups,
                    task.C, task.packed + point * task.point_floats + panel.offset,
                    m + point * task.m_plane + row * task.m_row + panel.first - first, task.m_row,
                    panel.vectors * task.kernels.lanes, NULL, -INFINITY, INFINITY)
                row += step


cdef void scatter_tile(
        const SequenceTask *task, const float *addend, float *y, Py_ssize_t phase,
        Py_ssize_t tile, const float *m, Py_ssize_t first, Py_ssize_t filters) noexcept nogil:
    """Finish the outputs of a tile in the row y for some filters."""
    cdef Py_ssize_t q = phase + tile * TILE * task.dilation, step = task.dilation * task.target
    cdef Py_ssize_t count = min((task.Q - q + task.dilation - 1) // task.dilation, TILE)
    cdef Py_ssize_t place = q * task.target + first
    if q >= task.Q:
        return
    task.kernels.sequence_output(
        m, task.m_plane, task.bias + first, filters, addend + place if task.adds else NULL,
        task.activation.lowest, task.activation.highest, y + place, step, count)
    activate_rows(&task.activation, y + place, count, filters, step)


cdef void scatter(
        const SequenceTask *task, const float *addend, float *y, Py_ssize_t start,
        Py_ssize_t stop, const float *m, Py_ssize_t first, Py_ssize_t filters) noexcept nogil:
    """Finish the outputs of units [start, stop) for some filters."""
    cdef Py_ssize_t i, row
    cdef Piece piece
    while start < stop:
        piece = piece_at(task, start, stop)
        row = piece.row * task.Q * task.target
        for i in range(piece.count):
            scatter_tile(task, addend + row if task.adds else NULL, y + row, piece.phase,
                         piece.first + i, m + i * task.m_row, first, filters)
        m += (piece.count + task.groups - 1) * task.m_row
        start += piece.count


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Tiles [start, stop), counted through the sequences of all rows of the images."""
    cdef const SequenceTask *task = <const SequenceTask *>opaque
    cdef float *m = scratch + POINTS * task.v_plane
    cdef const float *addend = inputs[1] if task.adds else NULL
    cdef Py_ssize_t tile, count, rows, first, filters
    while start < stop:
        tile = start % task.tiles
        count = min(task.step - tile % task.step, max(task.step, task.tiles) - tile)
        count = min(count, stop - start)
        rows = gather(task, inputs[0], start, start + count, scratch) - task.groups + 1
        first = 0
        while first < task.K:
            filters = min(task.chunk, task.K - first)
            multiply(task, scratch, m, first, first + filters, rows)
            scatter(task, addend, output, start, start + count, m, first, filters)
            first += filters
        start += count
    return 0


cdef double[6] FINITE = [0.3125, -0.3125, 0.875, -0.875, 1.75, -1.75]


cdef double factor_of(Py_ssize_t point, Py_ssize_t tap) noexcept nogil:
    """Return what a tap of a group counts at a point: its power over the differences of points."""
    cdef double factor = 1.0
    cdef Py_ssize_t i
    if point == INFINITE:
        return tap == TILE - 1
    for _ in range(tap):
        factor *= FINITE[point]
    for i in range(INFINITE):
        if i != point:
            factor /= FINITE[point] - FINITE[i]
    return factor


cdef void transform_taps(
        const float *const *taps, const double *factors, Py_ssize_t columns,
        float *out) noexcept nogil:
    """Compute one point of a group's taps for some filters, rounded once."""
    cdef Py_ssize_t n
    for n in range(columns):
        out[n] = <float>(factors[0] * taps[0][n] + factors[1] * taps[1][n]
                         + factors[2] * taps[2][n] + factors[3] * taps[3][n])


cdef void pack_group(
        const SequenceTask *task, const float *kernel, Py_ssize_t point, Py_ssize_t group,
        Panel panel, float *out) noexcept nogil:
    """Transform one group of taps for a panel of filters, all channels."""
    cdef double factors[TILE]
    cdef const float *taps[TILE]
    cdef Py_ssize_t width = panel.vectors * task.kernels.lanes, i, c, s
    for i in range(TILE):
        factors[i] = factor_of(point, i)
    for c in range(task.C):
        for i in range(TILE):
            s = group * TILE + i - task.front
            taps[i] = task.zeros
            if 0 <= s < task.S:
                taps[i] = kernel + (s * task.C + c) * task.K + panel.first
        transform_taps(taps, factors, panel.columns, out + c * width)


cdef void pack(
        const void *opaque, const float *weights, const float *bias,
        float *packed) noexcept nogil:
    """Transform and pack the filters; behind them come the bias and a panel's width of zeros."""
    cdef const SequenceTask *task = <const SequenceTask *>opaque
    cdef Py_ssize_t point, group, groups, index, width
    cdef Panel panel
    memset(packed, 0, size_of(task) * sizeof(float))
    if bias != NULL:
        memcpy(packed + size_of(task) - behind(task), bias, task.K * sizeof(float))
    for point in range(POINTS):
        groups = task.last_groups if point == INFINITE else task.groups
        for index in range(panel_count(task.kernels, task.K)):
            panel = panel_at(task.kernels, task.K, groups * task.C, index)
            width = panel.vectors * task.kernels.lanes
            for group in range(groups):
                pack_group(task, weights, point, group, panel,
                           packed + point * task.point_floats + panel.offset
                           + (1 + group * task.C) * width)


cdef Py_ssize_t behind(const SequenceTask *task) noexcept nogil:
    """Return how many floats lie behind the panels."""
    return task.K + 2 * task.kernels.lanes


cdef Py_ssize_t size_of(const SequenceTask *task) noexcept nogil:
    """Return how many floats everything packed takes."""
    return (INFINITE * task.point_floats + behind(task)
            + packed_floats(task.kernels, task.K, task.last_groups * task.C))


cdef class WinogradSequence(Kernel):
    """A convolution along rows, of stride 1, with transformed and packed weights."""

    cdef SequenceTask task
    cdef Py_ssize_t *offsets

    def __dealloc__(self):
        free(self.offsets)

    def __init__(self, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C,
                 const float[:, :, :, ::1] kernel, const float[::1] bias, tuple padding,
                 Py_ssize_t dilation, tuple activation, bint adds=False):
        cdef SequenceTask *task = &self.task
        cdef Py_ssize_t left, right, sequence
        left, right = padding
        task.kernels = active_kernels()
        task.W, task.C, task.S, task.K = W, C, kernel.shape[1], kernel.shape[3]
        task.dilation, task.adds, task.target = dilation, adds, task.K
        self.target = NULL if adds else &task.target    # where addends lie as outputs do
        task.Q = W + left + right - (task.S - 1) * dilation
        task.groups = (task.S + TILE - 1) // TILE
        task.front = (task.groups * TILE - task.S) // 2
        task.last_groups = task.groups - (task.S % TILE != 0)
        task.left = left + task.front * dilation
        sequence = (task.Q + dilation - 1) // dilation
        task.tiles = (sequence + TILE - 1) // TILE
        task.activation = parse_activation(activation, task.kernels)
        self.choose_layout()
        self.pack(kernel, bias)
        self.step.run = block
        self.step.task = task
        self.step.units = H * dilation * task.tiles
        self.step.scratch = POINTS * (task.v_plane + task.m_plane)
        self.step.work = 2.0 * H * task.Q * task.K * task.S * C

    cdef int choose_layout(self) except -1:
        """Decide how many tiles and filters are done together, and how V and M lie."""
        cdef SequenceTask *task = &self.task
        cdef Py_ssize_t lanes = task.kernels.lanes, block = BLOCK, rows, group
        if POINTS * task.groups * task.C * task.K > LARGE_WEIGHTS:
            block *= 4
        whole = block // task.tiles
        task.step = whole * task.tiles if whole else even_tile(task.tiles, block)
        rows = task.step + (whole + 1) * (task.groups - 1)
        task.chunk = min(CHUNK, up_to_multiple(task.K, 2 * lanes))
        task.v_row = up_to_multiple(task.C, lanes)
        if task.v_row % ALIASED == 0:
            task.v_row += GAP
        task.m_row = task.chunk
        task.v_plane = up_to_multiple(rows * task.v_row, PAGE) + GAP
        task.m_plane = up_to_multiple(rows * task.m_row, PAGE) + GAP
        self.offsets = <Py_ssize_t *>malloc(task.groups * sizeof(Py_ssize_t))
        if self.offsets == NULL:
            raise MemoryError("cannot allocate the offsets of a convolution")
        for group in range(task.groups):
            self.offsets[group] = group * task.v_row
        task.offsets = self.offsets
        return 0

    cdef int pack(self, const float[:, :, :, ::1] kernel, const float[::1] bias) except -1:
        """Transform and pack the filters; behind them come the bias and zeros."""
        cdef SequenceTask *task = &self.task
        task.point_floats = packed_floats(task.kernels, task.K, task.groups * task.C)
        task.packed = self.allocate(size_of(task))
        task.bias = self.packed + size_of(task) - behind(task)
        task.zeros = task.bias + task.K
        self.pack_weights = pack
        pack(task, &kernel[0, 0, 0, 0], &bias[0] if bias is not None else NULL, self.packed)
        return 0

    def run(self, const float[:, :, :, ::1] inputs, float[:, :, :, ::1] outputs, int threads,
            const float[:, :, :, ::1] addends=None):
        """Convolve all images of inputs (N, H, W, C) into outputs (N, H, Q, K)."""
        cdef Py_ssize_t units = inputs.shape[0] * self.step.units
        cdef Py_ssize_t chunk, chunks = self.chunks(units, threads)
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

    cdef Py_ssize_t chunks(self, Py_ssize_t units, int threads) noexcept:
        """Cut units for threads, but not so finely that weights are streamed for few tiles."""
        cdef Py_ssize_t blocks = units // self.task.step // threads * threads
        return min(chunks_of(units, threads), max(blocks, threads))
