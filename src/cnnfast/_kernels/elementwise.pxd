# How elementwise kernels cut images into units and repeat constants; see elementwise.pyx.

from cnnfast._kernels.kernels cimport Kernels

cdef Py_ssize_t units_of(Py_ssize_t size) noexcept nogil
cdef Py_ssize_t first_float(Py_ssize_t size, Py_ssize_t unit) noexcept nogil
cdef Py_ssize_t cut(Py_ssize_t floats, Py_ssize_t chunk, Py_ssize_t chunks) noexcept nogil
cdef Py_ssize_t repeated_period(const Kernels *kernels, Py_ssize_t period) noexcept nogil
cdef void repeat_constants(
    const Kernels *kernels, const float *constants, Py_ssize_t period,
    float *packed) noexcept nogil
