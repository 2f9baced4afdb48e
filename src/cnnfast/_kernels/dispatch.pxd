# The active table of micro-kernels; see dispatch.pyx.

from cnnfast._kernels.kernels cimport Kernels

cdef const Kernels *active_kernels() noexcept nogil
