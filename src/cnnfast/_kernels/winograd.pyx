"""Winograd's F(4x4, 3x3) and F(2x2, 5x5): 36 products a tile of outputs, not 144 or 100.

y = A^T [sum over c of (G g_c G^T) * (B^T d_c B)] A + bias, per tile of 4 x 4 outputs of 3 x 3 taps
or 2 x 2 of 5 x 5, where d is the 6 x 6 patch of inputs behind it and * multiplies by element. For
each of the 36 places of a patch that sum is a matrix product, tiles by channels times channels by
filters. The transform B of a patch is the same.

Layout: NHWC in and out; weights are transformed in float64 and packed in panels, place by place.
With a second input, an addend of the output's shape comes in before the activation; or 2 x 2
pooling is done behind it, whose windows lie within tiles: P and Q then count those.

A block of tiles, taken across rows and images, goes through three phases in scratch: V[36][tile][C]
is filled, the GEMM tile turns it into M[36][tile][K], and that becomes outputs. Padding costs
nothing: rows and columns outside are not read. What a tile gives does not depend on its block.

Where outputs are no multiple of 4, the last tiles have n < 4 rows or columns and need n + 2 points
along that axis, not 6 (micro/winograd_points.h): 10 x 10 outputs take 256 products, not 324. A
single row or column of 5 x 5 taps needs 5. In V and M tiles lie by kind, so that those which need
a place are a range of them.

Numerics: about twice the rms error of the direct sum in float32. An infinite or NaN input can
make the whole tiles that see it NaN, for every filter, or of 5 x 5 taps the outputs that see it.
Inputs beyond 1e36 may overflow.

Source: Lavin and Gray (2015), "Fast Algorithms for Convolutional Neural Networks",
arXiv:1509.09308, with other points.
"""

from cython.parallel cimport prange, threadid
from libc.math cimport INFINITY
from libc.string cimport memcpy, memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport (
    Kernels, POOL_average, POOL_max, winograd_output_kernel, winograd_pool_kernel,
)
from cnnfast._kernels.pack cimport (
    Panel, even_tile, packed_floats, panel_at, up_to_multiple,
)
from cnnfast._kernels.step cimport (
    Activation, Kernel, Scratch, activate_rows, chunks_of, parse_activation,
)
from cnnfast._kernels.winograd_filters cimport pack_place

cdef enum:
    PLACES = 36
    PATCH = 6
    # Kinds of tiles: of last rows and columns that are cut off, in an order in which those that
    # have all columns follow one another, and those that have all rows.
    NARROW = 0
    WHOLE = 1
    LOW = 2
    LOW_AND_NARROW = 3
    KINDS = 4

# The points of a tile that needs 0 to 6 of them along an axis, a bit each.
cdef int[PATCH + 1] POINTS = [0, 0, 0, 0b000111, 0b100111, 0b011111, 0b111111]

# Tiles of a block, rounded up to whole GEMM tiles: V and M of 64 channels share half of a 1 MB L2.
cdef Py_ssize_t BLOCK = 28
# More floats of weights than a share of an L3 holds: four times as many tiles make use of each.
cdef Py_ssize_t LARGE_WEIGHTS = 4 * 1024 * 1024
# Filters done together: M's part of that L2, with no need to be larger for more filters.
cdef Py_ssize_t CHUNK = 128
# Tiles this many floats apart (a multiple of 2 KB) alias in L1; a cache line between them helps.
cdef Py_ssize_t ALIASED = 512
cdef Py_ssize_t GAP = 16
# A page: the 36 places of a tile lie a cache line more than a multiple of it apart, so that they
# fall into sets of their own.
cdef Py_ssize_t PAGE = 1024

cdef struct WinogradTask:
    const Kernels *kernels
    const float *packed
    Py_ssize_t place_floats     # packed floats of one of the 36 places
    const float *bias
    const float *zeros          # a row of padding
    Py_ssize_t H, W, C, P, Q, K
    Py_ssize_t taps             # along either axis, 3 or 5
    Py_ssize_t target           # floats from a pixel of the output to the next
    Py_ssize_t top, left
    Py_ssize_t stride           # input pixels from one tile to the next
    Py_ssize_t tile             # outputs of a tile along one axis: half of that where pooled
    winograd_output_kernel *finish
    winograd_pool_kernel *pool  # NULL: not pooled
    bint adds                   # a second input
    Py_ssize_t down, across     # tiles
    Py_ssize_t last_rows, last_columns  # points that the last tiles need
    Py_ssize_t block            # the most tiles done together
    Py_ssize_t chunk            # filters done together, whole panels
    Py_ssize_t v_row, m_row     # distances of tiles in V and M
    Py_ssize_t v_plane, m_plane     # and of places
    Activation activation

cdef struct Cursor:
    # A tile: its image and where in it.
    const float *x
    const float *addend
    float *y
    Py_ssize_t p, q

cdef struct Ranges:
    # Where each kind of tile starts in a block, and behind them its end.
    Py_ssize_t start[KINDS + 1]


cdef void advance(const WinogradTask *task, Cursor *cursor) noexcept nogil:
    """Go to the next tile, of the next row or image at the end of one."""
    cursor.q += 1
    if cursor.q == task.across:
        cursor.q = 0
        cursor.p += 1
        if cursor.p == task.down:
            cursor.p = 0
            cursor.x += task.H * task.W * task.C
            cursor.y += task.P * task.Q * task.target
            if task.adds:
                cursor.addend += task.P * task.Q * task.K


cdef int kind_of(const WinogradTask *task, Cursor cursor) noexcept nogil:
    """Tell which kind of tile this is."""
    cdef bint narrow = cursor.q == task.across - 1 and task.last_columns < PATCH
    if cursor.p == task.down - 1 and task.last_rows < PATCH:
        return LOW_AND_NARROW if narrow else LOW
    return NARROW if narrow else WHOLE


cdef Ranges ranges_of(const WinogradTask *task, Cursor cursor, Py_ssize_t tiles) noexcept nogil:
    """Lay out tiles from a cursor on by their kind."""
    cdef Ranges ranges
    cdef Py_ssize_t kind
    memset(&ranges, 0, sizeof(Ranges))
    for _ in range(tiles):
        ranges.start[kind_of(task, cursor) + 1] += 1
        advance(task, &cursor)
    for kind in range(KINDS):
        ranges.start[kind + 1] += ranges.start[kind]
    return ranges


cdef Py_ssize_t place_tile(
        const WinogradTask *task, Cursor cursor, Ranges *ranges) noexcept nogil:
    """Return the next free place of the tile's kind, which is taken."""
    cdef int kind = kind_of(task, cursor)
    ranges.start[kind] += 1
    return ranges.start[kind] - 1


cdef void gather_tile(const WinogradTask *task, Cursor cursor, float *v) noexcept nogil:
    """Transform the patch behind one tile."""
    cdef const float *patch[PATCH]
    cdef Py_ssize_t h = cursor.p * task.stride - task.top, i
    cdef Py_ssize_t w = cursor.q * task.stride - task.left
    cdef Py_ssize_t first = max(-w, 0), last = min(task.W - w, PATCH)
    for i in range(PATCH):
        if 0 <= h + i < task.H and first < last:
            patch[i] = cursor.x + ((h + i) * task.W + w + first) * task.C
        else:
            patch[i] = task.zeros
    task.kernels.winograd_input(
        patch, first, last, task.C, cursor.p == task.down - 1 and task.last_rows <= 4,
        cursor.q == task.across - 1 and task.last_columns <= 4, v, task.v_plane)


cdef void multiply_place(
        const WinogradTask *task, const float *v, const float *packed, float *m, Py_ssize_t first,
        Py_ssize_t stop, Py_ssize_t tiles) noexcept nogil:
    """Multiply one place of some tiles with the panels of filters [first, stop)."""
    cdef Py_ssize_t step = even_tile(tiles, task.kernels.gemm_rows)
    cdef Py_ssize_t width = 2 * task.kernels.lanes
    cdef Py_ssize_t index, t, offset = 0
    cdef Panel panel
    for index in range(first // width, (stop + width - 1) // width):
        panel = panel_at(task.kernels, task.K, task.C, index)
        t = 0
        while t < tiles:
            task.kernels.gemm[panel.vectors - 1][min(step, tiles - t) - 1](
                v + t * task.v_row, task.v_row, &offset, 1, task.C, packed + panel.offset,
                m + t * task.m_row + panel.first - first, task.m_row,
                panel.vectors * task.kernels.lanes, NULL, -INFINITY, INFINITY)
            t += step


cdef void multiply(
        const WinogradTask *task, const float *v, float *m, Py_ssize_t first, Py_ssize_t stop,
        const Ranges *ranges) noexcept nogil:
    """Multiply all places of the tiles that need them."""
    cdef Py_ssize_t place, begin, end
    cdef bint all_rows, all_columns
    for place in range(PLACES):
        all_rows = not POINTS[task.last_rows] >> place // PATCH & 1
        all_columns = not POINTS[task.last_columns] >> place % PATCH & 1
        begin = ranges.start[WHOLE if all_columns else NARROW]
        end = ranges.start[LOW if all_rows else LOW_AND_NARROW if all_columns else KINDS]
        multiply_place(
            task, v + place * task.v_plane + begin * task.v_row,
            task.packed + place * task.place_floats,
            m + place * task.m_plane + begin * task.m_row, first, stop, end - begin)


cdef void scatter_tile(
        const WinogradTask *task, Cursor cursor, const float *m, Py_ssize_t first,
        Py_ssize_t filters) noexcept nogil:
    """Finish the outputs of one tile for some filters."""
    cdef Py_ssize_t p = cursor.p * task.tile, q = cursor.q * task.tile
    cdef Py_ssize_t row = task.Q * task.target, place = p * row + q * task.target + first
    cdef Py_ssize_t rows = min(task.P - p, task.tile), columns = min(task.Q - q, task.tile)
    if task.pool != NULL:
        task.pool(m, task.m_plane, task.bias + first, filters, task.activation.lowest,
                  task.activation.highest, cursor.y + place, row, task.target, rows, columns)
    else:
        task.finish(
            m, task.m_plane, task.bias + first, filters,
            cursor.addend + place if task.adds else NULL, task.activation.lowest,
            task.activation.highest, cursor.y + place, row, task.target, rows, columns)


cdef Cursor do_tiles(
        const WinogradTask *task, Cursor cursor, Py_ssize_t tiles, float *scratch) noexcept nogil:
    """Take tiles from a cursor on through the three phases; return where they end."""
    cdef float *v = scratch
    cdef float *m = scratch + PLACES * task.v_plane
    cdef Cursor begin = cursor
    cdef Ranges ranges = ranges_of(task, cursor, tiles)
    cdef Ranges free = ranges
    cdef Py_ssize_t first, filters
    for _ in range(tiles):
        gather_tile(task, cursor, v + place_tile(task, cursor, &free) * task.v_row)
        advance(task, &cursor)
    first = 0
    while first < task.K:
        filters = min(task.chunk, task.K - first)
        multiply(task, v, m, first, first + filters, &ranges)
        cursor, free = begin, ranges
        for _ in range(tiles):
            scatter_tile(task, cursor, m + place_tile(task, cursor, &free) * task.m_row, first,
                         filters)
            advance(task, &cursor)
        first += filters
    return cursor


cdef void activate(
        const WinogradTask *task, float *output, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Apply what is not a clamp to the outputs of units [start, stop)."""
    cdef Py_ssize_t first = start // task.down * task.P + start % task.down * task.tile
    cdef Py_ssize_t end = stop // task.down * task.P + stop % task.down * task.tile
    activate_rows(&task.activation, output + first * task.Q * task.target, (end - first) * task.Q,
                  task.K, task.target)


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows of tiles [start, stop), counted through the images."""
    cdef const WinogradTask *task = <const WinogradTask *>opaque
    cdef Py_ssize_t tiles = (stop - start) * task.across, done = 0, count, finished
    cdef Py_ssize_t step = even_tile(tiles, task.block)
    cdef Cursor cursor
    cursor.x = inputs[0] + start // task.down * task.H * task.W * task.C
    cursor.y = output + start // task.down * task.P * task.Q * task.target
    cursor.addend = NULL
    if task.adds:
        cursor.addend = inputs[1] + (cursor.y - output)
    cursor.p, cursor.q = start % task.down, 0
    finished = start
    while done < tiles:
        count = min(step, tiles - done)
        cursor = do_tiles(task, cursor, count, scratch)
        done += count
        activate(task, output, finished, start + done // task.across)
        finished = start + done // task.across
    return 0


cdef void pack(
        const void *opaque, const float *weights, const float *bias,
        float *packed) noexcept nogil:
    """Transform and pack the filters; behind them come the bias and a row of zeros."""
    cdef const WinogradTask *task = <const WinogradTask *>opaque
    cdef Py_ssize_t place, size = PLACES * task.place_floats
    memset(packed, 0, (size + task.K + PATCH * task.C) * sizeof(float))
    if bias != NULL:
        memcpy(packed + size, bias, task.K * sizeof(float))
    for place in range(PLACES):
        pack_place(task.kernels, weights, task.taps, task.C, task.K, place,
                   packed + place * task.place_floats)


cdef class Winograd(Kernel):
    """A 3 x 3 or 5 x 5 convolution of stride 1 with transformed and packed weights."""

    cdef WinogradTask task

    def __init__(self, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C,
                 const float[:, :, :, ::1] kernel, const float[::1] bias, tuple padding,
                 tuple activation, bint adds=False, str pooling=None):
        cdef WinogradTask *task = &self.task
        cdef Py_ssize_t top, bottom, left, right, reach = kernel.shape[0] - 1, outputs
        top, bottom, left, right = padding
        task.kernels = active_kernels()
        task.H, task.W, task.C, task.K = H, W, C, kernel.shape[3]
        task.top, task.left, task.target = top, left, task.K
        self.target = NULL if adds else &task.target    # where addends lie as outputs do
        task.taps, task.adds, task.tile = reach + 1, adds, PATCH - reach
        task.stride = task.tile
        task.P, task.Q = H + top + bottom - reach, W + left + right - reach
        self.step.work = 2.0 * task.P * task.Q * task.K * task.taps * task.taps * C
        self.choose_kernels(pooling)
        task.down = up_to_multiple(task.P, task.tile) // task.tile
        task.across = up_to_multiple(task.Q, task.tile) // task.tile
        outputs = task.stride // task.tile
        task.last_rows = (task.P - (task.down - 1) * task.tile) * outputs + reach
        task.last_columns = (task.Q - (task.across - 1) * task.tile) * outputs + reach
        task.activation = parse_activation(activation, task.kernels)
        self.choose_layout()
        self.pack(kernel, bias)
        self.step.run = block
        self.step.task = task
        self.step.units = task.down
        self.step.scratch = PLACES * (task.v_plane + task.m_plane)

    cdef int choose_kernels(self, str pooling) except -1:
        """Decide what finishes a tile; of pooled ones, P and Q count windows from here on."""
        cdef WinogradTask *task = &self.task
        cdef const Kernels *kernels = task.kernels
        cdef bint wide = task.taps == 5
        task.finish = kernels.winograd_output_5 if wide else kernels.winograd_output
        task.pool = NULL
        if pooling is not None:
            kind = {"max": POOL_max, "average": POOL_average}[pooling]
            task.pool = kernels.winograd_pools_5[kind] if wide else kernels.winograd_pools[kind]
            task.tile, task.P, task.Q = task.tile // 2, task.P // 2, task.Q // 2
        return 0

    cdef int choose_layout(self) except -1:
        """Decide how many tiles and filters are done together, and how V and M lie."""
        cdef WinogradTask *task = &self.task
        cdef Py_ssize_t lanes = task.kernels.lanes
        task.block = up_to_multiple(BLOCK, task.kernels.gemm_rows)
        if PLACES * task.C * task.K > LARGE_WEIGHTS:
            task.block *= 4
        task.chunk = min(CHUNK, up_to_multiple(task.K, 2 * lanes))
        task.v_row = up_to_multiple(task.C, lanes)
        if task.v_row % ALIASED == 0:
            task.v_row += GAP
        task.m_row = task.chunk
        task.v_plane = up_to_multiple(task.block * task.v_row, PAGE) + GAP
        task.m_plane = up_to_multiple(task.block * task.m_row, PAGE) + GAP
        return 0

    cdef int pack(self, const float[:, :, :, ::1] kernel, const float[::1] bias) except -1:
        """Allocate and fill the panels and what lies behind them."""
        cdef WinogradTask *task = &self.task
        cdef Py_ssize_t size
        task.place_floats = packed_floats(task.kernels, task.K, task.C)
        size = PLACES * task.place_floats
        task.packed = self.allocate(size + task.K + PATCH * task.C)
        task.bias, task.zeros = self.packed + size, self.packed + size + task.K
        self.pack_weights = pack
        pack(task, &kernel[0, 0, 0, 0], &bias[0] if bias is not None else NULL, self.packed)
        return 0

    def run(self, const float[:, :, :, ::1] inputs, float[:, :, :, ::1] outputs, int threads,
            const float[:, :, :, ::1] addends=None):
        """Convolve all images of inputs (N, H, W, C) into outputs (N, P, Q, K)."""
        cdef Py_ssize_t units = inputs.shape[0] * self.task.down
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
        cdef Py_ssize_t blocks = units * self.task.across // self.task.block // threads * threads
        return min(chunks_of(units, threads), max(blocks, threads))
