"""The gradient of an embedding's table, of which a batch concerns few rows.

Sums that are kept apart for threads would be as large as the table, and so would be what has to be
set to zero before. Here all look-ups of a batch are added at once, threads share the columns of the
table, and only rows that the last batch looked up are cleared.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from cnnfast._kernels import team
from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.embedding cimport word_row
from cnnfast._kernels.kernels cimport PAIR_add, Kernels

# Waking a team takes some 5 microseconds; one core adds up this many floats in about 20.
cdef Py_ssize_t SERIAL_FLOATS = 64 * 1024
# Floats of a cache line: no two threads write to the same.
cdef Py_ssize_t LINE = 16


cdef class TableGradient:
    """Sums of rows by their numbers; zero where no row was added.

    Args:
        sums: (V, D), all zero; nobody else writes to it.
    """

    cdef const Kernels *kernels
    cdef float[:, ::1] sums
    cdef int32_t *rows              # that are not zero; a row may be there twice
    cdef Py_ssize_t count, capacity

    def __init__(self, float[:, ::1] sums):
        self.kernels = active_kernels()
        self.sums = sums

    def __dealloc__(self):
        free(self.rows)

    def clear(self, int threads):
        """Set all sums to zero."""
        cdef Py_ssize_t D = self.sums.shape[1], parts = self.parts(self.count, threads), part
        cdef int claimed = team.claim(threads) if parts > 1 else 1
        try:
            for part in prange(parts, nogil=True, num_threads=claimed, schedule="static"):
                self.clear_columns(border(D, part, parts), border(D, part + 1, parts))
        finally:
            if claimed > 1:
                team.release()
        self.count = 0

    def add(self, ids, const float[:, ::1] gradients, int threads):
        """Add a row for each id, in their order; ids outside the table are left out.

        Args:
            ids: int32 or float32, contiguous, one for each row.
            gradients: (ids, D).
            threads: how many to use at most.
        """
        cdef Py_ssize_t D = self.sums.shape[1], first = self.count, part, parts, i, row
        cdef bint are_integers = ids.dtype.kind == "i"
        cdef const int32_t[::1] integers = ids.reshape(-1).view("i4")
        cdef Py_ssize_t count = integers.shape[0]
        cdef int claimed
        if count == 0:
            return
        self.reserve(first + count)
        for i in range(count):
            row = word_row(&integers[0], i, self.sums.shape[0], are_integers)
            self.rows[first + i] = <int32_t>row
        parts = self.parts(count, threads)
        claimed = team.claim(threads) if parts > 1 else 1
        try:
            for part in prange(parts, nogil=True, num_threads=claimed, schedule="static"):
                self.add_columns(&gradients[0, 0], first, count, border(D, part, parts),
                                 border(D, part + 1, parts))
        finally:
            if claimed > 1:
                team.release()
        self.count = first + count

    cdef Py_ssize_t parts(self, Py_ssize_t rows, int threads) noexcept:
        """Count the parts that columns are cut into."""
        cdef Py_ssize_t D = self.sums.shape[1]
        return max(1, min(threads, D // LINE)) if rows * D > SERIAL_FLOATS else 1

    cdef int reserve(self, Py_ssize_t count) except -1:
        """Have room for so many numbers of rows."""
        cdef int32_t *grown
        if count > self.capacity:
            grown = <int32_t *>realloc(self.rows, count * sizeof(int32_t))
            if grown == NULL:
                raise MemoryError(f"cannot allocate the numbers of {count} rows")
            self.rows, self.capacity = grown, count
        return 0

    cdef void clear_columns(self, Py_ssize_t first, Py_ssize_t stop) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.count):
            if self.rows[i] >= 0:
                memset(&self.sums[self.rows[i], first], 0, (stop - first) * sizeof(float))

    cdef void add_columns(self, const float *gradients, Py_ssize_t begin, Py_ssize_t count,
                          Py_ssize_t first, Py_ssize_t stop) noexcept nogil:
        cdef Py_ssize_t i, D = self.sums.shape[1]
        cdef float *sums
        for i in range(count):
            if self.rows[begin + i] >= 0:
                sums = &self.sums[self.rows[begin + i], first]
                self.kernels.pairs[PAIR_add](sums, gradients + i * D + first, sums, stop - first)


cdef Py_ssize_t border(Py_ssize_t columns, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    """Return where a part of the columns begins, in whole cache lines."""
    cdef Py_ssize_t lines = (columns + LINE - 1) // LINE
    return min(lines * part // parts * LINE, columns)
