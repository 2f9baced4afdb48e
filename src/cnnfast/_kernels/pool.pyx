"""Pooling: y[p, q, c] = max or mean over r, s of x[p sh - top + r, q sw - left + s, c].

Layout: NHWC, no copy of the input. Only real pixels count: windows that reach over an edge are
trimmed, pixel by pixel, and an average is divided by what is left. The windows in between are one
call of the micro-kernel. Wide windows that overlap and pixels of less than a vector are done
columns first: all W * C floats of R rows are reduced into one row in L1, as one vector loop, and
that row takes the place of the image.
"""

from cython.parallel cimport prange, threadid
from libc.math cimport INFINITY
from libc.string cimport memcpy

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport Kernels, POOL_average, POOL_max, Window, pool_kernel
from cnnfast._kernels.step cimport Kernel, Scratch, chunks_of, padded_floats

# Rows that are summed one after the other; the sums of blocks are summed in turn.
cdef Py_ssize_t BLOCK_ROWS = 64
# A global reduction takes this many vectors at a time: they read whole cache lines.
cdef Py_ssize_t PANEL_VECTORS = 4

cdef struct PoolingTask:
    pool_kernel *kernel
    bint average
    Py_ssize_t lanes
    Py_ssize_t H, W, C, P, Q, R, S
    Py_ssize_t target           # floats from a pixel of the output to the next
    Py_ssize_t stride_h, stride_w
    Py_ssize_t top, left
    Py_ssize_t first, end       # output columns whose windows lie within the input's width
    bint separable              # columns first, into scratch
    Py_ssize_t spread           # floats of scratch before the place for pixels that overlap

cdef struct GlobalPoolingTask:
    pool_kernel *kernel
    bint average
    Py_ssize_t rows, C
    Py_ssize_t panel            # channels of a unit
    Py_ssize_t units
    Py_ssize_t fold             # rows taken as one, where a row is less than a panel


cdef float scale_of(bint average, Py_ssize_t count) noexcept nogil:
    return <float>(1.0 / count) if average else <float>1.0


cdef void pool_nothing(const PoolingTask *task, float *y, Py_ssize_t count) noexcept nogil:
    """Fill outputs whose windows hold no pixel: no strides of Keras lead here."""
    cdef Py_ssize_t i
    for i in range(count):
        y[i] = 0.0 if task.average else -INFINITY


cdef void pool_edge(const PoolingTask *task, const float *x, float *y, Py_ssize_t rows,
                    Py_ssize_t tall, Py_ssize_t q) noexcept nogil:
    """Do one output pixel whose window reaches over the left or the right edge."""
    cdef Py_ssize_t left = q * task.stride_w - task.left
    cdef Py_ssize_t start = max(left, 0), stop = min(left + task.S, task.W)
    cdef Window window = [tall, task.W * task.C, stop - start, task.C]
    y += q * task.target
    if start >= stop:
        pool_nothing(task, y, task.C)
        return
    task.kernel(x + start * task.C, 0, &window, y, 0, 1, task.C,
                scale_of(task.average, rows * (stop - start)))


cdef void pool_inner(const PoolingTask *task, const float *x, float *y, Py_ssize_t rows,
                     Py_ssize_t tall, float *spread) noexcept nogil:
    """Do the pixels of a row whose windows lie within the input's width."""
    cdef Py_ssize_t pixels = task.end - task.first, C = task.C
    cdef Window window = [tall, task.W * C, task.S, C]
    cdef float scale = scale_of(task.average, rows * task.S)
    x += (task.first * task.stride_w - task.left) * C
    y += task.first * task.target
    if task.separable and task.stride_w == 1 and task.target == C:
        task.kernel(x, 0, &window, y, 0, 1, pixels * C, scale)
    elif C < task.lanes:
        # A whole vector for every pixel; the next one overwrites what is too much.
        task.kernel(x, task.stride_w * C, &window, spread, C, pixels, task.lanes, scale)
        memcpy(y, spread, pixels * C * sizeof(float))
    else:
        task.kernel(x, task.stride_w * C, &window, y, task.target, pixels, C, scale)


cdef void pool_row(const PoolingTask *task, const float *x, float *y, Py_ssize_t p,
                   float *scratch) noexcept nogil:
    """Do output row p of an image x."""
    cdef Py_ssize_t top = p * task.stride_h - task.top, row = task.W * task.C
    cdef Py_ssize_t start = max(top, 0), stop = min(top + task.R, task.H), q
    cdef Py_ssize_t rows = stop - start, tall = rows
    cdef Window column = [rows, row, 1, 0]
    if start >= stop:
        for q in range(task.Q):
            pool_nothing(task, y + q * task.target, task.C)
        return
    x += start * row
    if task.separable:
        task.kernel(x, 0, &column, scratch, 0, 1, row, 1.0)
        x, tall = scratch, 1
    for q in range(task.first):
        pool_edge(task, x, y, rows, tall, q)
    if task.first < task.end:
        pool_inner(task, x, y, rows, tall, scratch + task.spread)
    for q in range(task.end, task.Q):
        pool_edge(task, x, y, rows, tall, q)


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Output rows [start, stop)."""
    cdef const PoolingTask *task = <const PoolingTask *>opaque
    cdef Py_ssize_t image = task.H * task.W * task.C, row
    for row in range(start, stop):
        pool_row(task, inputs[0] + row // task.P * image, output + row * task.Q * task.target,
                 row % task.P, scratch)
    return 0


cdef void pool_channels(const GlobalPoolingTask *task, const float *x, float *y,
                        Py_ssize_t channels, float *scratch) noexcept nogil:
    """Reduce `channels` columns of one image: blocks of rows, the blocks, then folded rows."""
    cdef Py_ssize_t fold = task.fold, width = fold * channels
    cdef Py_ssize_t row = fold * task.C, height = task.rows // fold
    cdef Py_ssize_t blocks = (height + BLOCK_ROWS - 1) // BLOCK_ROWS, index
    cdef Py_ssize_t left_over = task.rows - height * fold
    cdef float *total = scratch + blocks * width
    cdef float scale = scale_of(task.average, task.rows)
    cdef Window window
    for index in range(blocks):
        window = [min(BLOCK_ROWS, height - index * BLOCK_ROWS), row, 1, 0]
        task.kernel(x + index * BLOCK_ROWS * row, 0, &window, scratch + index * width, 0, 1,
                    width, 1.0)
    window = [blocks, width, 1, 0]
    if fold == 1:
        task.kernel(scratch, 0, &window, y, 0, 1, width, scale)
        return
    task.kernel(scratch, 0, &window, total, 0, 1, width, 1.0)
    memcpy(total + width, x + height * row, left_over * channels * sizeof(float))
    window = [fold + left_over, channels, 1, 0]
    task.kernel(total, 0, &window, y, 0, 1, channels, scale)


cdef int global_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Panels [start, stop) of channels; neighbours in one image go together."""
    cdef const GlobalPoolingTask *task = <const GlobalPoolingTask *>opaque
    cdef Py_ssize_t image, first, end, channel
    while start < stop:
        image, first = start // task.units, start % task.units
        end = min(task.units, first + stop - start)
        channel = first * task.panel
        pool_channels(task, inputs[0] + image * task.rows * task.C + channel,
                      output + image * task.C + channel,
                      min(end * task.panel, task.C) - channel, scratch)
        start += end - first
    return 0


cdef pool_kernel *kernel_named(const Kernels *kernels, str kind) except NULL:
    """Return the micro-kernel of a kind of pooling."""
    if kind == "max":
        return kernels.pools[POOL_max]
    if kind == "average":
        return kernels.pools[POOL_average]
    raise ValueError(f'pooling must be "max" or "average". Received {kind!r}.')


cdef class Pooling(Kernel):
    """Windows of an image; a unit is one output row."""

    cdef PoolingTask task

    def __init__(self, str kind, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C, tuple pool,
                 tuple strides, tuple padding):
        cdef PoolingTask *task = &self.task
        cdef const Kernels *kernels = active_kernels()
        top, bottom, left, right = padding
        task.kernel = kernel_named(kernels, kind)
        task.average = kind == "average"
        task.lanes = kernels.lanes
        task.H, task.W, task.C, task.target = H, W, C, C
        # Pixels of less than a vector are written as whole ones, over the next.
        self.target = NULL if C < kernels.lanes else &task.target
        task.R, task.S = pool
        task.stride_h, task.stride_w = strides
        task.top, task.left = top, left
        if min(H, W, C, *pool, *strides) < 1 or min(top, left) < 0:
            raise ValueError(
                "pooling needs sizes, windows and strides of at least 1 and padding of at least "
                f"0 at the top and left. Received (H, W, C) = {(H, W, C)}, pool = {pool}, "
                f"strides = {strides}, padding = {padding}.")
        if H + top + bottom < task.R or W + left + right < task.S:
            raise ValueError(
                f"a pooling window of {pool} is larger than the input of {(H, W)} pixels with "
                f"padding {padding}.")
        task.P = (H + top + bottom - task.R) // task.stride_h + 1
        task.Q = (W + left + right - task.S) // task.stride_w + 1
        self.plan()
        self.step.run = block
        self.step.task = task
        self.step.units = task.P
        self.step.work = 4.0 * C * (H * W + task.P * task.Q)

    cdef void plan(self) noexcept:
        """Find the inner pixels and choose how to do them."""
        cdef PoolingTask *task = &self.task
        cdef Py_ssize_t inner = task.W + task.left - task.S, stride = task.stride_w
        cdef bint slides = task.R == 3 and task.S == 3 and stride <= 2
        task.first = min((task.left + stride - 1) // stride, task.Q)
        task.end = max(min(inner // stride + 1 if inner >= 0 else 0, task.Q), task.first)
        # Floats moved for a float of output: through a row in L1, or tap by tap.
        task.separable = task.C < task.lanes or (
            not slides and stride * (task.R + 1) + task.S < task.R * task.S)
        if task.separable:
            task.spread = padded_floats(task.W * task.C + task.lanes)
            self.step.scratch = task.spread + task.Q * task.C + task.lanes

    def run(self, const float[:, :, :, ::1] inputs, float[:, :, :, ::1] outputs, int threads):
        """Pool all images of inputs (N, H, W, C) into outputs (N, P, Q, C)."""
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


cdef class GlobalPooling(Kernel):
    """All rows of an image; a unit is a panel of channels.

    An image of fewer channels than four vectors is not split: its rows would have to be summed
    in an order that depends on the split, and there are few floats in it.
    """

    cdef GlobalPoolingTask task

    def __init__(self, str kind, Py_ssize_t rows, Py_ssize_t C):
        cdef GlobalPoolingTask *task = &self.task
        cdef const Kernels *kernels = active_kernels()
        cdef Py_ssize_t height
        if rows < 1 or C < 1:
            raise ValueError(
                "global pooling needs at least one row and one channel. "
                f"Received (rows, C) = {(rows, C)}.")
        task.kernel = kernel_named(kernels, kind)
        task.average = kind == "average"
        task.rows, task.C = rows, C
        task.panel = PANEL_VECTORS * kernels.lanes
        task.units = (C + task.panel - 1) // task.panel
        task.fold = max(1, min(task.panel // C, rows))
        height = rows // task.fold
        self.step.run = global_block
        self.step.task = task
        self.step.units = task.units
        self.step.scratch = (
            ((height + BLOCK_ROWS - 1) // BLOCK_ROWS + 2) * task.fold * C)
        self.step.work = 4.0 * rows * C

    def run(self, const float[:, :, ::1] inputs, float[:, ::1] outputs, int threads):
        """Pool all images of inputs (N, rows, C) into outputs (N, C)."""
        cdef Py_ssize_t units = inputs.shape[0] * self.task.units
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *x
        if units == 0:
            return
        x = &inputs[0, 0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            global_block(&self.task, &x, &outputs[0, 0],
                         scratch.floats + threadid() * scratch.stride,
                         units * chunk // chunks, units * (chunk + 1) // chunks)
