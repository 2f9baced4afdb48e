"""The gradient of an embedding's table, of which a batch concerns few rows.

Sums that are kept apart for threads would be as large as the table, and so would be what has to be
set to zero before. Here all look-ups of a batch are added at once, threads share the columns of the
table, and only rows that the last batch looked up are cleared.
"""

from libc.stdint cimport int32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memmove, memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.embedding cimport word_row
from cnnfast._kernels.kernels cimport PAIR_add, Kernels
from cnnfast._kernels.region cimport Work
from cnnfast._kernels.region import share

# Waking a team takes some 5 microseconds; one core adds up this many floats in about 20.
cdef Py_ssize_t SERIAL_FLOATS = 64 * 1024
# Floats of a cache line: no two threads write to the same.
cdef Py_ssize_t LINE = 16


cdef struct Received:
    int32_t row
    const float *gradient


cdef class TableGradient(Work):
    """Sums of rows by their numbers; zero where no row was added.

    Args:
        sums: (V, D), all zero; nobody else writes to it.
    """

    cdef const Kernels *kernels
    cdef float[:, ::1] sums
    cdef Received *received         # by the last batch, whose rows are not zero, then by this one
    cdef Py_ssize_t last, count, capacity
    cdef Py_ssize_t pieces          # that columns are cut into
    cdef list held                  # what gradients point into

    def __init__(self, float[:, ::1] sums):
        self.kernels = active_kernels()
        self.sums, self.held, self.parts = sums, [], 1

    def __dealloc__(self):
        free(self.received)

    def clear(self):
        """Begin to take what rows receive."""
        self.count = self.last
        self.held.clear()

    def add(self, ids, const float[:, ::1] gradients):
        """Note a row for each id, in their order; ids outside the table are left out.

        Args:
            ids: int32 or float32, contiguous, one for each row.
            gradients: (ids, D), which stay as they are until `run`.
        """
        cdef bint are_integers = ids.dtype.kind == "i"
        cdef const int32_t[::1] integers = ids.reshape(-1).view("i4")
        cdef Py_ssize_t i, row
        cdef Received *received
        self.reserve(self.count + integers.shape[0])
        for i in range(integers.shape[0]):
            row = word_row(&integers[0], i, self.sums.shape[0], are_integers)
            if row >= 0:
                received = &self.received[self.count]
                received.row, received.gradient = <int32_t>row, &gradients[i, 0]
                self.count += 1
        self.held.append(gradients)

    def run(self, int threads):
        """Fill the sums with what rows received since `clear`."""
        share([self], threads)

    cdef int reserve(self, Py_ssize_t count) except -1:
        """Have room for so many rows."""
        cdef Received *grown
        if count > self.capacity:
            grown = <Received *>realloc(self.received, count * sizeof(Received))
            if grown == NULL:
                raise MemoryError(f"cannot allocate the numbers of {count} rows")
            self.received, self.capacity = grown, count
        return 0

    cdef bint is_large(self) noexcept:
        return self.count * self.sums.shape[1] > SERIAL_FLOATS

    cdef int prepare(self, int threads) except -1:
        self.pieces = max(1, min(threads, self.sums.shape[1] // LINE))
        return 0

    cdef Py_ssize_t units(self, Py_ssize_t part) noexcept:
        return self.pieces

    cdef int do_unit(self, Py_ssize_t part, Py_ssize_t unit, int thread) noexcept nogil:
        """Clear some columns of the rows of the last batch, and add those of this one."""
        cdef Py_ssize_t first = border(self.sums.shape[1], unit, self.pieces), i
        cdef Py_ssize_t floats = border(self.sums.shape[1], unit + 1, self.pieces) - first
        cdef float *sums
        for i in range(self.last):
            memset(&self.sums[self.received[i].row, first], 0, floats * sizeof(float))
        for i in range(self.last, self.count):
            sums = &self.sums[self.received[i].row, first]
            self.kernels.pairs[PAIR_add](sums, self.received[i].gradient + first, sums, floats)
        return 0

    cdef int conclude(self, bint is_done) except -1:
        if is_done:
            self.count -= self.last
            memmove(self.received, self.received + self.last, self.count * sizeof(Received))
            self.last = self.count
        self.clear()
        return 0


cdef Py_ssize_t border(Py_ssize_t columns, Py_ssize_t part, Py_ssize_t parts) noexcept nogil:
    """Return where a part of the columns begins, in whole cache lines."""
    cdef Py_ssize_t lines = (columns + LINE - 1) // LINE
    return min(lines * part // parts * LINE, columns)
