# The active table of micro-kernels; see dispatch.pyx.

from cnnfast._kernels.kernels cimport Kernels, activation_kernel

cdef const Kernels *active_kernels() noexcept nogil
cdef activation_kernel *activation_named(const Kernels *kernels, str name) except NULL
