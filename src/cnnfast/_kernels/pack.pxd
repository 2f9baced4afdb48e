# Packing of weights into the panels that the GEMM tile streams; see pack.pyx.

from cnnfast._kernels.kernels cimport Kernels

# One panel of columns: `vectors` wide, `columns` of which are real, at `floats`.
cdef struct Panel:
    Py_ssize_t first        # its first column
    Py_ssize_t columns
    Py_ssize_t vectors
    Py_ssize_t offset       # floats from the start of the packed weights

cdef Panel panel_at(
    const Kernels *kernels, Py_ssize_t columns, Py_ssize_t depth, Py_ssize_t index) noexcept nogil
cdef Py_ssize_t panel_count(const Kernels *kernels, Py_ssize_t columns) noexcept nogil
cdef Py_ssize_t packed_floats(
    const Kernels *kernels, Py_ssize_t columns, Py_ssize_t depth) noexcept nogil
cdef void pack_panels(
    const Kernels *kernels, const float *weights, Py_ssize_t row, const float *bias,
    Py_ssize_t columns, Py_ssize_t depth, float *packed) noexcept nogil
cdef void unpack_panels(
    const Kernels *kernels, const float *packed, Py_ssize_t columns, Py_ssize_t depth,
    float *weights) noexcept nogil
cdef Py_ssize_t even_tile(Py_ssize_t rows, Py_ssize_t widest) noexcept nogil
cdef Py_ssize_t up_to_multiple(Py_ssize_t count, Py_ssize_t of) noexcept nogil
