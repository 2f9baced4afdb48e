"""Winograd's G g G^T of 3 x 3 filters, packed in panels; see winograd.pyx.

Filters are transformed in float64 and rounded once, for one of the 36 places at a time and straight
into its panels: a plane in between would stay allocated, for packing happens after every step of a
training too.
"""

from cnnfast._kernels.kernels cimport Kernels
from cnnfast._kernels.pack cimport Panel, panel_at, panel_count

# The polynomial of a filter at the points 0, +-3/4, +-3/2 and infinity, over the products of the
# differences of points.
FILTER_TRANSFORM = (
    (64.0 / 81.0, 0.0, 0.0),
    (-128.0 / 243.0, -32.0 / 81.0, -8.0 / 27.0),
    (-128.0 / 243.0, 32.0 / 81.0, -8.0 / 27.0),
    (32.0 / 243.0, 16.0 / 81.0, 8.0 / 27.0),
    (32.0 / 243.0, -16.0 / 81.0, 8.0 / 27.0),
    (0.0, 0.0, 1.0),
)

cdef enum:
    PATCH = 6

cdef double FILTERS[PATCH][3]
for row, column in ((row, column) for row in range(PATCH) for column in range(3)):
    FILTERS[row][column] = FILTER_TRANSFORM[row][column]


cdef void transform_row(
        const float *kernel, Py_ssize_t tap, const double *factors, Py_ssize_t columns,
        float *out) noexcept nogil:
    """Compute one place of G g G^T for a channel of some filters; taps lie `tap` floats apart."""
    cdef double total
    cdef Py_ssize_t i, n
    for n in range(columns):
        total = 0.0
        for i in range(9):
            total += factors[i] * kernel[i * tap + n]
        out[n] = <float>total


cdef void pack_place(
        const Kernels *kernels, const float *kernel, Py_ssize_t C, Py_ssize_t K,
        Py_ssize_t place, float *packed) noexcept nogil:
    """Transform filters (3, 3, C, K) for one place, into panels that hold zeros."""
    cdef double factors[9]
    cdef Py_ssize_t i, c, index, width
    cdef Panel panel
    for i in range(9):
        factors[i] = FILTERS[place // PATCH][i // 3] * FILTERS[place % PATCH][i % 3]
    for index in range(panel_count(kernels, K)):
        panel = panel_at(kernels, K, C, index)
        width = panel.vectors * kernels.lanes
        for c in range(C):
            transform_row(kernel + c * K + panel.first, C * K, factors, panel.columns,
                          packed + panel.offset + (1 + c) * width)
