# Packing of 3 x 3 and 5 x 5 filters for Winograd's algorithm; see winograd_filters.pyx.

from cnnfast._kernels.kernels cimport Kernels

cdef void pack_place(
    const Kernels *kernels, const float *kernel, Py_ssize_t taps, Py_ssize_t C, Py_ssize_t K,
    Py_ssize_t place, float *packed) noexcept nogil
