# The active table of micro-kernels; see dispatch.pyx.

from cnnfast._kernels.kernels cimport Kernels, activation_kernel

cdef const Kernels *active_kernels() noexcept nogil
cdef activation_kernel *activation_named(const Kernels *kernels, str name) except NULL
cdef int update_place(str name) except -1
cdef int states_of_update(int place) noexcept nogil
cdef bint replay_moves_weights(int place) noexcept nogil
