# Sums of outer products; see weight_gradient.pyx.

from cnnfast._kernels.kernels cimport Kernels, PixelGrid

cdef void add_outer(
    const Kernels *kernels, const float *a, const float *b, PixelGrid pixels, float *c,
    Py_ssize_t ldc, Py_ssize_t rows, Py_ssize_t filters) noexcept nogil
