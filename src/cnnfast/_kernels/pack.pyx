"""Weight panels: `[columns / NR][1 + depth][NR]`, the bias first, then one row per k.

NR is two vectors. The last panel is one vector wide where what is left fits in one, so that a
layer of 10 or 16 filters does not multiply zeros; lanes without a column hold zeros.
"""

from libc.string cimport memcpy, memset

from cnnfast._kernels.kernels cimport Kernels


cdef Py_ssize_t panel_count(const Kernels *kernels, Py_ssize_t columns) noexcept nogil:
    return (columns + 2 * kernels.lanes - 1) // (2 * kernels.lanes)


cdef Panel panel_at(
        const Kernels *kernels, Py_ssize_t columns, Py_ssize_t depth,
        Py_ssize_t index) noexcept nogil:
    """Return the panel with this index: all before it are two vectors wide."""
    cdef Panel panel
    cdef Py_ssize_t width = 2 * kernels.lanes
    panel.first = index * width
    panel.columns = min(columns - panel.first, width)
    panel.vectors = 2 if panel.columns > kernels.lanes else 1
    panel.offset = index * width * (1 + depth)
    return panel


cdef Py_ssize_t packed_floats(
        const Kernels *kernels, Py_ssize_t columns, Py_ssize_t depth) noexcept nogil:
    """Return the size of all panels together."""
    cdef Panel last = panel_at(kernels, columns, depth, panel_count(kernels, columns) - 1)
    return last.offset + last.vectors * kernels.lanes * (1 + depth)


cdef void pack_panels(
        const Kernels *kernels, const float *weights, Py_ssize_t row, const float *bias,
        Py_ssize_t columns, Py_ssize_t depth, float *packed) noexcept nogil:
    """Pack `depth` rows of `columns` weights, `row` floats apart, and a bias (NULL: zeros)."""
    cdef Py_ssize_t index, k, width
    cdef Panel panel
    cdef float *out
    memset(packed, 0, packed_floats(kernels, columns, depth) * sizeof(float))
    for index in range(panel_count(kernels, columns)):
        panel = panel_at(kernels, columns, depth, index)
        width = panel.vectors * kernels.lanes
        out = packed + panel.offset
        if bias != NULL:
            memcpy(out, bias + panel.first, panel.columns * sizeof(float))
        for k in range(depth):
            memcpy(out + (1 + k) * width, weights + k * row + panel.first,
                   panel.columns * sizeof(float))


cdef void unpack_panels(
        const Kernels *kernels, const float *packed, Py_ssize_t columns, Py_ssize_t depth,
        float *weights) noexcept nogil:
    """Put the weights of panels back into `depth` rows of `columns`."""
    cdef Py_ssize_t index, k
    cdef Panel panel
    for index in range(panel_count(kernels, columns)):
        panel = panel_at(kernels, columns, depth, index)
        for k in range(depth):
            memcpy(weights + k * columns + panel.first,
                   packed + panel.offset + (1 + k) * panel.vectors * kernels.lanes,
                   panel.columns * sizeof(float))


cdef Py_ssize_t even_tile(Py_ssize_t rows, Py_ssize_t widest) noexcept nogil:
    """Return tile rows that cut `rows` evenly: 26 by 14 gives 13 + 13, not 14 + 12."""
    cdef Py_ssize_t tiles = (rows + widest - 1) // widest
    return (rows + tiles - 1) // tiles if tiles else 1


cdef Py_ssize_t up_to_multiple(Py_ssize_t count, Py_ssize_t of) noexcept nogil:
    """Return the least multiple that is no smaller than count."""
    return (count + of - 1) // of * of
