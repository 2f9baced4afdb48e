# What the kernels of batch normalization share; see batch_normalization.pyx.

from cnnfast._kernels.kernels cimport Kernels
from cnnfast._kernels.step cimport Activation

cdef struct Task:
    const Kernels *kernels
    Py_ssize_t channels
    Py_ssize_t columns      # channels, or as many times them as fill four vectors
    Py_ssize_t period       # of repeated constants
    const float *gamma      # NULL: 1
    const float *beta       # NULL: 0
    double epsilon
    Activation activation

cdef int fill(Task *task, Py_ssize_t channels, double epsilon) except -1
cdef double inverse(const Task *task, float variance) noexcept nogil
cdef void repeat(const Task *task, float *constants, Py_ssize_t length) noexcept nogil
