# A depthwise convolution for kernels that have it done row by row; see depthwise.pyx.

from cnnfast._kernels.kernels cimport Depthwise as Geometry
from cnnfast._kernels.kernels cimport Kernels
from cnnfast._kernels.step cimport Activation, Kernel

# The taps of a window that lie inside the image, along one axis.
cdef struct Taps:
    Py_ssize_t first
    Py_ssize_t count

cdef struct DepthwiseTask:
    const Kernels *kernels
    const float *packed
    Py_ssize_t H, W, C, P, Q, K, R, S   # K = C M
    Py_ssize_t stride_h, stride_w, dilation_h, dilation_w
    Py_ssize_t top, left
    Py_ssize_t first, end       # output columns whose windows lie within the input's width
    Py_ssize_t strip            # output rows done together
    Geometry geometry           # of whole windows
    Activation activation

cdef class Depthwise(Kernel):
    cdef DepthwiseTask task
    cdef void plan(self, Py_ssize_t reach_h, Py_ssize_t reach_w) noexcept
    cdef int pack(self, const float[:, :, :, ::1] kernel, const float[::1] bias) except -1

cdef void depthwise_rows(
    const DepthwiseTask *task, const float *x, float *y, float *scratch, Py_ssize_t start,
    Py_ssize_t stop) noexcept nogil

cdef Taps taps_inside(
    Py_ssize_t start, Py_ssize_t dilation, Py_ssize_t count, Py_ssize_t size) noexcept nogil
cdef void spread(
    const float *x, float *out, Py_ssize_t count, Py_ssize_t multiplier) noexcept nogil
