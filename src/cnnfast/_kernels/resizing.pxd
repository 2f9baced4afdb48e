# Where the pixels of an enlarged image come from; see resizing.pyx.

cdef struct EnlargeTask:
    Py_ssize_t H, W, C
    Py_ssize_t tall, wide   # factors
    Py_ssize_t target       # floats from a pixel of the output to the next

# Where a point of an enlarged axis lies between two of the original one.
cdef struct Between:
    Py_ssize_t lower, upper
    float weight            # of the upper one

cdef Between between(Py_ssize_t place, Py_ssize_t factor, Py_ssize_t length) noexcept nogil
