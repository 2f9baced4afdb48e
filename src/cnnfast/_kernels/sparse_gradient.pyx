"""Gradients of a convolution whose output's gradient is mostly zero, as max pooling leaves it.

    dkernel[r, s, c, k] += sum over n, p, q of x[n, p sh + r dh, q sw + s dw, c] dy[n, p, q, k]
    dx[p sh + r dh - top, q + s - left, c] += sum over k of dy[p, q, k] kernel[r, s, c, k]

What is not zero is listed first; then a filter's sums, or the pixels that it reaches, stay in
registers through the list (micro/sparse_gradient.h). Of 1 in 5 the gradients take a quarter of the
time of the dense ones.

Layout: channels are done in slices of 1, 2 or 4 vectors. For the kernel's gradient, images are cut
into blocks whose input, a slice of it copied with its border, fits in L1. Sums are kept filter by
filter until the last image, and then are transposed and added to the output.

Numerics: a zero of dy adds nothing, whatever it would be multiplied with. NaN and infinity in x or
in the kernel are seen only where dy is not zero; those of dy always are.
"""

from cython.parallel cimport prange, threadid
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport SPARSE_TAPS, SPARSE_WIDTHS, Entry, Kernels
from cnnfast._kernels.pack cimport even_tile, up_to_multiple
from cnnfast._kernels.step cimport Kernel, Scratch, padded_floats

# Floats of a block's input, and of the weights in a row of taps that a slice of dx needs: seven
# eighths of an L1 of 32 KB.
cdef Py_ssize_t L1_FLOATS = 7 * 1024


cdef Py_ssize_t width_index(
        const Kernels *kernels, Py_ssize_t taps, Py_ssize_t channels,
        Py_ssize_t floats) noexcept nogil:
    """Find the widest slice: with a tile, not wider than the channels left, of so many floats."""
    cdef Py_ssize_t index = SPARSE_WIDTHS - 1
    cdef Py_ssize_t vectors = (channels + kernels.lanes - 1) // kernels.lanes
    while index > 0 and (kernels.sparse_kernels[index][taps - 1] == NULL
                         or 1 << index > vectors or (kernels.lanes << index) > floats):
        index -= 1
    return index


# ---------------------------------------------------------------------------------- the kernel's

cdef struct KernelTask:
    const Kernels *kernels
    Py_ssize_t H, W, C, P, Q, K, taps
    Py_ssize_t stride_h, stride_w
    Py_ssize_t top, left
    Py_ssize_t reach_h, reach_w     # from a window's first row and column to its last
    Py_ssize_t part                 # taps that one tile does
    Py_ssize_t rows, columns        # of dy in a block
    Py_ssize_t width                # pixels in a row of a block's input
    const Py_ssize_t *offsets       # of all taps, for slices of 1, 2 and 4 vectors
    Py_ssize_t entries, counts, sums    # where they begin in scratch


cdef struct Block:
    # A rectangle of dy, and what is not zero in it.
    Py_ssize_t p, q, rows, columns
    Entry *entries
    int *counts


cdef void copy_input(
        const KernelTask *task, const float *x, const Block *block, Py_ssize_t channels,
        Py_ssize_t slice_width, float *out) noexcept nogil:
    """Copy a slice of the pixels that a block's windows see, zeros where there are none."""
    cdef Py_ssize_t rows = (block.rows - 1) * task.stride_h + task.reach_h + 1
    cdef Py_ssize_t columns = (block.columns - 1) * task.stride_w + task.reach_w + 1
    cdef Py_ssize_t h = block.p * task.stride_h - task.top
    cdef Py_ssize_t w = block.q * task.stride_w - task.left
    cdef Py_ssize_t first = min(max(-w, 0), columns), last = max(min(task.W - w, columns), first)
    cdef Py_ssize_t i
    cdef float *row = out
    for i in range(rows):
        if 0 <= h + i < task.H:
            memset(row, 0, first * slice_width * sizeof(float))
            task.kernels.copy_slice(x + ((h + i) * task.W + w + first) * task.C, task.C,
                                    last - first, channels, row + first * slice_width,
                                    slice_width)
            memset(row + last * slice_width, 0, (columns - last) * slice_width * sizeof(float))
        else:
            memset(row, 0, columns * slice_width * sizeof(float))
        row += task.width * slice_width


cdef void list_block(const KernelTask *task, const float *dy, const Block *block) noexcept nogil:
    """List what is not zero, filter by filter, row by row."""
    cdef Py_ssize_t i
    memset(block.counts, 0, task.K * sizeof(int))
    for i in range(block.rows):
        task.kernels.list_by_filter(
            dy + ((block.p + i) * task.Q + block.q) * task.K, block.columns, task.K,
            <int>(i * task.stride_h * task.width), <int>task.stride_w, block.entries,
            task.rows * task.columns, block.counts)


cdef void add_block(
        const KernelTask *task, const float *x, const Block *block, float *patch,
        float *sums) noexcept nogil:
    """Add what a block contributes to the sums, slice by slice."""
    cdef Py_ssize_t c = 0, index, k, first, part, slice_width
    cdef float *own
    while c < task.C:
        index = width_index(task.kernels, task.part, task.C - c, L1_FLOATS)
        slice_width = task.kernels.lanes << index
        copy_input(task, x + c, block, task.C - c, slice_width, patch)
        for k in range(task.K):
            own = sums + (c * task.K + k * slice_width) * task.taps
            first = 0
            while block.counts[k] and first < task.taps:
                part = min(task.part, task.taps - first)
                task.kernels.sparse_kernels[index][part - 1](
                    patch, task.offsets + index * task.taps + first,
                    block.entries + k * task.rows * task.columns, block.counts[k],
                    own + first * slice_width)
                first += part
        c += slice_width


cdef void add_sums(const KernelTask *task, const float *sums, float *output) noexcept nogil:
    """Add the sums, filter by filter, to the gradient, where filters are neighbours."""
    cdef Py_ssize_t lanes = task.kernels.lanes, c = 0, slice_width, tap
    while c < task.C:
        slice_width = lanes << width_index(task.kernels, task.part, task.C - c, L1_FLOATS)
        for tap in range(task.taps):
            task.kernels.add_transposed(
                sums + (c * task.K * task.taps + tap * slice_width), task.taps * slice_width,
                output + (tap * task.C + c) * task.K, task.K, min(slice_width, task.C - c))
        c += slice_width


cdef int kernel_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop) of x and dy."""
    cdef const KernelTask *task = <const KernelTask *>opaque
    cdef float *sums = scratch + task.sums
    cdef Py_ssize_t lanes = task.kernels.lanes, image
    cdef const float *x
    cdef const float *dy
    cdef Block block = [0, 0, 0, 0, <Entry *>(scratch + task.entries),
                        <int *>(scratch + task.counts)]
    memset(sums, 0, task.taps * task.K * up_to_multiple(task.C, lanes) * sizeof(float))
    for image in range(start, stop):
        x = inputs[0] + image * task.H * task.W * task.C
        dy = inputs[1] + image * task.P * task.Q * task.K
        block.p = 0
        while block.p < task.P:
            block.rows = min(task.rows, task.P - block.p)
            block.q = 0
            while block.q < task.Q:
                block.columns = min(task.columns, task.Q - block.q)
                list_block(task, dy, &block)
                add_block(task, x, &block, scratch, sums)
                block.q += block.columns
            block.p += block.rows
    add_sums(task, sums, output)
    return 0


cdef class SparseKernelGradient(Kernel):
    """kernel (R, S, C, K) += the contribution of images (H, W, C) and their dy.

    Args:
        density: the part of dy that is not zero, as far as is known.
    """

    cdef KernelTask task
    cdef Py_ssize_t *offsets

    def __dealloc__(self):
        free(self.offsets)

    def __init__(self, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C, tuple kernel, tuple strides,
                 tuple padding, tuple dilation, double density):
        cdef KernelTask *task = &self.task
        cdef Py_ssize_t R, S
        top, bottom, left, right = padding
        R, S, _, task.K = kernel
        task.kernels = active_kernels()
        task.H, task.W, task.C, task.taps = H, W, C, R * S
        task.stride_h, task.stride_w = strides
        task.top, task.left = top, left
        task.reach_h, task.reach_w = (R - 1) * dilation[0], (S - 1) * dilation[1]
        task.P = (H + top + bottom - task.reach_h - 1) // task.stride_h + 1
        task.Q = (W + left + right - task.reach_w - 1) // task.stride_w + 1
        task.part = even_tile(task.taps, SPARSE_TAPS)
        self.choose_layout()
        self.choose_offsets(R, S, dilation)
        self.step.run = kernel_block
        self.step.task = task
        self.step.units = 1
        self.step.work = 2.0 * density * task.P * task.Q * task.K * task.taps * C

    cdef int choose_layout(self) except -1:
        """Cut dy into blocks, and scratch into what they need."""
        cdef KernelTask *task = &self.task
        cdef Py_ssize_t lanes = task.kernels.lanes, rows
        cdef Py_ssize_t slice_width = lanes << width_index(
            task.kernels, task.part, task.C, L1_FLOATS)
        cdef Py_ssize_t pixels = L1_FLOATS // slice_width
        cdef Py_ssize_t most = pixels // (task.reach_h + 1) - task.reach_w - 1
        task.columns = even_tile(task.Q, max(most // task.stride_w + 1 if most >= 0 else 1, 1))
        task.width = (task.columns - 1) * task.stride_w + task.reach_w + 1
        most = pixels // task.width - task.reach_h - 1
        task.rows = even_tile(task.P, max(most // task.stride_h + 1 if most >= 0 else 1, 1))
        rows = (task.rows - 1) * task.stride_h + task.reach_h + 1
        task.entries = padded_floats(rows * task.width * slice_width)
        task.counts = task.entries + padded_floats(2 * task.rows * task.columns * task.K)
        task.sums = task.counts + padded_floats(task.K)
        self.step.scratch = task.sums + task.taps * task.K * up_to_multiple(task.C, lanes)
        return 0

    cdef int choose_offsets(self, Py_ssize_t R, Py_ssize_t S, tuple dilation) except -1:
        """List how far taps lie from a window's first pixel."""
        cdef KernelTask *task = &self.task
        cdef Py_ssize_t index, r, s
        self.offsets = <Py_ssize_t *>malloc(SPARSE_WIDTHS * task.taps * sizeof(Py_ssize_t))
        if self.offsets == NULL:
            raise MemoryError("cannot allocate the offsets of a convolution's gradient")
        for index in range(SPARSE_WIDTHS):
            for r in range(R):
                for s in range(S):
                    self.offsets[(index * R + r) * S + s] = (
                        (r * dilation[0] * task.width + s * dilation[1])
                        * (task.kernels.lanes << index))
        task.offsets = self.offsets
        return 0

    def run(self, const float[:, :, :, ::1] inputs, const float[:, :, :, ::1] gradients,
            float[:, :, :, ::1] outputs):
        """Add the contribution of all images to outputs (R, S, C, K)."""
        cdef Scratch scratch = Scratch(self, 1)
        cdef const float *pointers[2]
        if inputs.shape[0]:
            pointers[0], pointers[1] = &inputs[0, 0, 0, 0], &gradients[0, 0, 0, 0]
            kernel_block(&self.task, pointers, &outputs[0, 0, 0, 0], scratch.floats, 0,
                         inputs.shape[0])


# ----------------------------------------------------------------------------------- the input's

cdef struct InputTask:
    const Kernels *kernels
    const float *packed
    Py_ssize_t H, W, C, P, Q, K, R, S
    Py_ssize_t stride, dilation     # of rows
    Py_ssize_t top, left
    bint adds                       # whether more than one row of dy reaches a row of dx
    Py_ssize_t starts               # where they begin in scratch


cdef Py_ssize_t input_width(const InputTask *task, Py_ssize_t c) noexcept nogil:
    """Tell which width the slice has that begins at channel c."""
    return width_index(task.kernels, task.S, task.C - c, L1_FLOATS // (task.S * task.K))


cdef void pass_slice(
        const InputTask *task, const Entry *entries, const int *starts, Py_ssize_t c,
        Py_ssize_t index, float *dx) noexcept nogil:
    """Do a slice of dx, by one row of the filters after the other."""
    cdef Py_ssize_t row = task.K * task.S * (task.kernels.lanes << index), r, p, h
    for r in range(task.R):
        for p in range(task.P):
            h = p * task.stride + r * task.dilation - task.top
            if 0 <= h < task.H:
                task.kernels.sparse_inputs[index][task.S - 1](
                    entries, starts + p * task.Q, task.Q,
                    task.packed + c * task.R * task.S * task.K + r * row, -task.left,
                    dx + h * task.W * task.C + c, task.C, task.W, task.adds)


cdef int input_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop)."""
    cdef const InputTask *task = <const InputTask *>opaque
    cdef Entry *entries = <Entry *>scratch
    cdef int *starts = <int *>(scratch + task.starts)
    cdef Py_ssize_t pixels = task.P * task.Q, size = task.H * task.W * task.C, image, c, index
    for image in range(start, stop):
        task.kernels.list_by_pixel(
            inputs[0] + image * pixels * task.K, pixels, task.K, entries, starts)
        if task.adds:
            memset(output + image * size, 0, size * sizeof(float))
        c = 0
        while c < task.C:
            index = input_width(task, c)
            pass_slice(task, entries, starts, c, index, output + image * size)
            c += task.kernels.lanes << index
    return 0


cdef void pack(
        const void *opaque, const float *weights, const float *bias,
        float *packed) noexcept nogil:
    """Lay (R, S, C, K) out slice by slice: (R, K, S, channels of the slice)."""
    cdef const InputTask *task = <const InputTask *>opaque
    cdef Py_ssize_t c = 0, r, s, i, k, slice_width
    cdef const float *source
    cdef float *target
    while c < task.C:
        slice_width = task.kernels.lanes << input_width(task, c)
        for r in range(task.R):
            for s in range(task.S):
                for i in range(slice_width):
                    source = weights + ((r * task.S + s) * task.C + c + i) * task.K
                    target = packed + (r * task.K * task.S + s) * slice_width + i
                    for k in range(task.K):
                        target[k * task.S * slice_width] = source[k]
        packed += task.R * task.S * task.K * slice_width
        c += slice_width


cdef class SparseInputGradient(Kernel):
    """dx (H, W, C), from dy (P, Q, K) and filters (R, S, C, K); a unit is an image.

    For columns without strides and dilation, whole vectors of channels and up to SPARSE_TAPS taps
    in a row.

    Args:
        stride: from one row of windows to the next.
        dilation: from one row of taps to the next.
        density: the part of dy that is not zero, as far as is known.
    """

    cdef InputTask task

    def __init__(self, tuple shape, const float[:, :, :, ::1] kernel, Py_ssize_t stride,
                 tuple padding, Py_ssize_t dilation, double density):
        cdef InputTask *task = &self.task
        top, bottom, left, right = padding
        task.kernels = active_kernels()
        task.H, task.W, task.C = shape
        task.R, task.S, task.K = kernel.shape[0], kernel.shape[1], kernel.shape[3]
        task.stride, task.dilation, task.top, task.left = stride, dilation, top, left
        task.P = (task.H + top + bottom - (task.R - 1) * dilation - 1) // stride + 1
        task.Q = task.W + left + right - task.S + 1
        task.adds = task.R > 1 or task.P < task.H or top > 0
        task.packed = self.allocate(task.R * task.S * task.C * task.K)
        self.pack_weights = pack
        pack(task, &kernel[0, 0, 0, 0], NULL, self.packed)
        task.starts = padded_floats(2 * task.P * task.Q * task.K)
        self.step.run = input_block
        self.step.task = task
        self.step.units = 1
        self.step.scratch = task.starts + task.P * task.Q + 1
        self.step.work = 2.0 * density * task.P * task.Q * task.K * task.R * task.S * task.C

    def run(self, const float[:, :, :, ::1] gradients, float[:, :, :, ::1] outputs, int threads):
        """Fill outputs (N, H, W, C) from gradients (N, P, Q, K)."""
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *dy
        cdef Py_ssize_t image
        if gradients.shape[0] == 0:
            return
        dy = &gradients[0, 0, 0, 0]
        for image in prange(gradients.shape[0], nogil=True, num_threads=threads):
            input_block(&self.task, &dy, &outputs[0, 0, 0, 0],
                        scratch.floats + threadid() * scratch.stride, image, image + 1)
