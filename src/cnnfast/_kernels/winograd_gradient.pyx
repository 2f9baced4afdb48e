"""The gradient of 3 x 3 filters by Winograd's algorithm: 36 products a tile of 16, not 144.

dg = G^T [sum over tiles of (A dy A^T) * (B^T d B)] G, where dy is a 4 x 4 tile of gradients, d the
6 x 6 patch of inputs behind it and * multiplies by element: F(4x4, 3x3) transposed, see
winograd.pyx. For each of the 36 places that sum is a matrix product, channels by tiles times tiles
by filters.

A block of tiles, taken across rows and images, is transformed into scratch, inputs and gradients.
Then a small part of all weights after the other, as wide as the tile of the product, is summed up
in all places while it is in L1 or L2, and becomes taps at once.

Numerics: as winograd.pyx. Blocks are added to the weights in their order.
"""

from libc.string cimport memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport Kernels, PixelGrid
from cnnfast._kernels.pack cimport even_tile, up_to_multiple
from cnnfast._kernels.step cimport Kernel, Scratch

cdef enum:
    PLACES = 36
    PATCH = 6
    TILE = 4

# What a block's tiles become takes this many floats: three quarters of a 1 MB L2.
cdef Py_ssize_t BLOCK_FLOATS = 192 * 1024
# Of fewer tiles than this, turning sums into taps costs a tenth of the products.
cdef Py_ssize_t LEAST_TILES = 16
# Tiles this many floats apart (a multiple of 2 KB) alias in L1; a cache line between them helps.
cdef Py_ssize_t ALIASED = 512
cdef Py_ssize_t GAP = 16
# A page: places lie a cache line more than a multiple of it apart.
cdef Py_ssize_t PAGE = 1024

cdef struct WinogradTask:
    const Kernels *kernels
    const float *zeros          # a row of padding
    Py_ssize_t H, W, C, P, Q, K
    Py_ssize_t top, left
    Py_ssize_t down, across     # tiles
    Py_ssize_t block            # the most tiles done together
    Py_ssize_t x_row, y_row     # distances of tiles among transformed inputs and gradients
    Py_ssize_t x_plane, y_plane     # and of places
    Py_ssize_t sum_plane        # of the sums


cdef void transform_tile(
        const WinogradTask *task, const float *x, const float *dy, Py_ssize_t p, Py_ssize_t q,
        float *inputs, float *gradients) noexcept nogil:
    """Transform a tile's gradients and the patch behind them."""
    cdef const float *patch[PATCH]
    cdef Py_ssize_t h = p - task.top, w = q - task.left, i
    cdef Py_ssize_t first = max(-w, 0), last = min(task.W - w, PATCH)
    for i in range(PATCH):
        if 0 <= h + i < task.H and first < last:
            patch[i] = x + ((h + i) * task.W + w + first) * task.C
        else:
            patch[i] = task.zeros
    task.kernels.winograd_input(patch, first, last, task.C, False, False, inputs, task.x_plane)
    task.kernels.winograd_gradient(
        dy + (p * task.Q + q) * task.K, task.Q * task.K, task.K, min(task.P - p, TILE),
        min(task.Q - q, TILE), gradients, task.y_plane)


cdef void add_products(
        const WinogradTask *task, const float *inputs, const float *gradients, float *sums,
        Py_ssize_t tiles, float *output) noexcept nogil:
    """Add the products of some tiles to all weights, part by part."""
    cdef Py_ssize_t width = 2 * task.kernels.lanes, tap = task.C * task.K
    cdef Py_ssize_t step = even_tile(task.C, task.kernels.gemm_rows)
    cdef Py_ssize_t c = 0, k, rows, filters, place, row
    cdef PixelGrid grid = [1, tiles, 0, task.x_row, 0, task.y_row]
    while c < task.C:
        rows = min(step, task.C - c)
        k = 0
        while k < task.K:
            filters = min(width, task.K - k)
            memset(sums, 0, PLACES * task.sum_plane * sizeof(float))
            for place in range(PLACES):
                task.kernels.outer[filters > task.kernels.lanes][rows - 1](
                    inputs + place * task.x_plane + c, gradients + place * task.y_plane + k,
                    &grid, sums + place * task.sum_plane, width, filters)
            for row in range(rows):
                task.kernels.winograd_filter(sums + row * width, task.sum_plane,
                                             output + (c + row) * task.K + k, tap, filters)
            k += width
        c += step


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop) of x and dy."""
    cdef const WinogradTask *task = <const WinogradTask *>opaque
    cdef Py_ssize_t per_image = task.down * task.across, tile = start * per_image
    cdef Py_ssize_t step = even_tile((stop - start) * per_image, task.block), count, t, image, place
    cdef float *transformed = scratch + PLACES * task.x_plane
    cdef float *sums = transformed + PLACES * task.y_plane
    while tile < stop * per_image:
        count = min(step, stop * per_image - tile)
        for t in range(count):
            image, place = (tile + t) // per_image, (tile + t) % per_image
            transform_tile(
                task, inputs[0] + image * task.H * task.W * task.C,
                inputs[1] + image * task.P * task.Q * task.K, place // task.across * TILE,
                place % task.across * TILE, scratch + t * task.x_row,
                transformed + t * task.y_row)
        add_products(task, scratch, transformed, sums, count, output)
        tile += count
    return 0


cdef class WinogradKernelGradient(Kernel):
    """kernel (3, 3, C, K) += the contribution of images (H, W, C) and their dy."""

    cdef WinogradTask task

    def __init__(self, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C, Py_ssize_t K, tuple padding):
        cdef WinogradTask *task = &self.task
        top, bottom, left, right = padding
        task.kernels = active_kernels()
        task.H, task.W, task.C, task.K = H, W, C, K
        task.top, task.left = top, left
        task.P, task.Q = H + top + bottom - 2, W + left + right - 2
        task.down = up_to_multiple(task.P, TILE) // TILE
        task.across = up_to_multiple(task.Q, TILE) // TILE
        self.choose_layout()
        self.packed = self.allocate(PATCH * C)
        memset(self.packed, 0, PATCH * C * sizeof(float))
        task.zeros = self.packed
        self.step.run = block
        self.step.task = task
        self.step.units = 1
        self.step.work = 2.0 * task.P * task.Q * K * 9 * C

    cdef int choose_layout(self) except -1:
        """Decide how many tiles are done together, and how what they become lies."""
        cdef WinogradTask *task = &self.task
        cdef Py_ssize_t lanes = task.kernels.lanes
        task.block = max(BLOCK_FLOATS // (PLACES * (task.C + task.K)), LEAST_TILES)
        task.x_row, task.y_row = up_to_multiple(task.C, lanes), up_to_multiple(task.K, lanes)
        task.x_row += GAP if task.x_row % ALIASED == 0 else 0
        task.y_row += GAP if task.y_row % ALIASED == 0 else 0
        task.x_plane = up_to_multiple(task.block * task.x_row, PAGE) + GAP
        task.y_plane = up_to_multiple(task.block * task.y_row, PAGE) + GAP
        task.sum_plane = task.kernels.gemm_rows * 2 * lanes
        self.step.scratch = PLACES * (task.x_plane + task.y_plane + task.sum_plane)
        return 0

    def run(self, const float[:, :, :, ::1] inputs, const float[:, :, :, ::1] gradients,
            float[:, :, :, ::1] outputs):
        """Add the contribution of all images to outputs (3, 3, C, K)."""
        cdef Scratch scratch = Scratch(self, 1)
        cdef const float *pointers[2]
        if inputs.shape[0]:
            pointers[0], pointers[1] = &inputs[0, 0, 0, 0], &gradients[0, 0, 0, 0]
            block(&self.task, pointers, &outputs[0, 0, 0, 0], scratch.floats, 0, inputs.shape[0])
