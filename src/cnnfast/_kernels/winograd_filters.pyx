"""Winograd's G g G^T of 3 x 3 and 5 x 5 filters, packed in panels; see winograd.pyx.

Filters are transformed in float64 and rounded once, for one of the 36 places at a time and straight
into its panels: a plane in between would stay allocated, for packing happens after every step of a
training too.
"""

from cnnfast._kernels.kernels cimport Kernels
from cnnfast._kernels.pack cimport Panel, panel_at, panel_count

# Points in quarters, and one over the product of a point's differences to the others as a fraction.
POINTS = ((0, 64, 81), (3, -128, 243), (-3, -128, 243), (6, 32, 243), (-6, 32, 243))


def filter_transform(taps):
    """Return the polynomial of a filter at the points and infinity, over products of differences.

    Args:
        taps: along an axis.

    Returns:
        6 rows of as many numbers as taps.
    """
    finite = tuple(
        tuple(above * point ** tap / (below * 4 ** tap) for tap in range(taps))
        for point, above, below in POINTS
    )
    return (*finite, (0.0,) * (taps - 1) + (1.0,))


cdef enum:
    PATCH = 6
    MOST_TAPS = 5
    GROUP = 16      # filters whose sums stay in registers: 8 of 2 numbers with SSE2

# Of 3 taps and of 5.
cdef double[2][PATCH][MOST_TAPS] FILTERS
for taps in (3, 5):
    for row, factors in enumerate(filter_transform(taps)):
        for tap, factor in enumerate(factors):
            FILTERS[taps == 5][row][tap] = factor


cdef inline void transform_group(
        const float *kernel, Py_ssize_t taps, Py_ssize_t tap, const double *factors,
        Py_ssize_t columns, float *out) noexcept nogil:
    """Compute one place of G g G^T for a channel of some filters; taps lie `tap` floats apart."""
    cdef double[GROUP] totals
    cdef Py_ssize_t i, n
    for n in range(columns):
        totals[n] = 0.0
    for i in range(taps):
        for n in range(columns):
            totals[n] += factors[i] * kernel[i * tap + n]
    for n in range(columns):
        out[n] = <float>totals[n]


cdef void transform_row(
        const float *kernel, Py_ssize_t taps, Py_ssize_t tap, const double *factors,
        Py_ssize_t columns, float *out) noexcept nogil:
    """Do the same for any number of filters."""
    cdef Py_ssize_t n = 0
    while n + GROUP <= columns:
        transform_group(kernel + n, taps, tap, factors, GROUP, out + n)
        n += GROUP
    transform_group(kernel + n, taps, tap, factors, columns - n, out + n)


cdef void pack_place(
        const Kernels *kernels, const float *kernel, Py_ssize_t taps, Py_ssize_t C, Py_ssize_t K,
        Py_ssize_t place, float *packed) noexcept nogil:
    """Transform filters (taps, taps, C, K) for one place, into panels that hold zeros."""
    cdef double[MOST_TAPS * MOST_TAPS] factors
    cdef Py_ssize_t i, c, index, width
    cdef Panel panel
    for i in range(taps * taps):
        factors[i] = (FILTERS[taps == 5][place // PATCH][i // taps]
                      * FILTERS[taps == 5][place % PATCH][i % taps])
    for index in range(panel_count(kernels, K)):
        panel = panel_at(kernels, K, C, index)
        width = panel.vectors * kernels.lanes
        for c in range(C):
            transform_row(kernel + c * K + panel.first, taps * taps, C * K, factors,
                          panel.columns, packed + panel.offset + (1 + c) * width)
