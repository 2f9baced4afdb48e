# What every operation on interleaved images looks like to Lanes; see stages.pyx.

# Do the operation for `vectors` vectors of images: 1 or BLOCK_VECTORS.
ctypedef void (*stage_function)(
    const void *task, const float *x, float *y, Py_ssize_t vectors) noexcept nogil

cdef struct StageStep:
    stage_function run
    const void *task
    Py_ssize_t outputs      # values per image that it writes
    bint in_place           # y may be x

cdef class Stage:
    cdef StageStep step
    cdef float *packed
    cdef float *allocate(self, Py_ssize_t count) except NULL
