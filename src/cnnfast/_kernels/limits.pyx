"""The machine's own limits, to hold kernels against."""

from cython.parallel cimport prange

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport Kernels


def multiply_adds(Py_ssize_t iterations, int threads):
    """Do independent fused multiply-adds from registers on every thread.

    Args:
        iterations: rounds of all accumulators, per thread.
        threads: how many at once.

    Returns:
        Floating-point operations done; the caller holds the clock.
    """
    cdef const Kernels *kernels = active_kernels()
    cdef double operations = 0
    cdef int _thread
    for _thread in prange(threads, nogil=True, num_threads=threads, schedule="static"):
        operations += kernels.fma_peak(iterations)
    return operations
