# What threads of one parallel region share; see region.pyx.

cdef class Work:
    cdef Py_ssize_t parts               # how many follow one another; set when it is made
    cdef bint is_large(self) noexcept
    cdef int prepare(self, int threads) except -1
    cdef Py_ssize_t units(self, Py_ssize_t part) noexcept
    cdef int do_unit(self, Py_ssize_t part, Py_ssize_t unit, int thread) noexcept nogil
    cdef int end_part(self, Py_ssize_t part) noexcept nogil
    cdef int conclude(self, bint is_done) except -1
