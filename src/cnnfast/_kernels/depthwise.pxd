# Parts of depthwise convolutions that their gradients need too; see depthwise.pyx.

# The taps of a window that lie inside the image, along one axis.
cdef struct Taps:
    Py_ssize_t first
    Py_ssize_t count

cdef Taps taps_inside(
    Py_ssize_t start, Py_ssize_t dilation, Py_ssize_t count, Py_ssize_t size) noexcept nogil
cdef void spread(
    const float *x, float *out, Py_ssize_t count, Py_ssize_t multiplier) noexcept nogil
