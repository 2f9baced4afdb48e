# How an id is read; see embedding.pyx.

cdef Py_ssize_t word_row(
    const void *ids, Py_ssize_t i, Py_ssize_t rows, bint ids_are_integers) noexcept nogil
