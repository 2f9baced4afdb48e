"""Embedding: y[i] = table[id of i].

Layout: an id is an int32, or a float32 that is truncated toward zero as a cast would do. The
table stays where its owner keeps it: it may be most of a model.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

from cnnfast._kernels.step cimport Kernel, chunks_of, prefetch_floats

# Rows looked ahead: they come from L3 or memory while those before are copied.
cdef Py_ssize_t AHEAD = 8

cdef struct EmbeddingTask:
    const float *table
    Py_ssize_t length, V, D     # ids per image, rows of the table, floats in a row
    bint ids_are_integers


cdef Py_ssize_t word_row(
        const void *ids, Py_ssize_t i, Py_ssize_t rows, bint ids_are_integers) noexcept nogil:
    """Return the row of a table of `rows` that id number i names, or -1."""
    cdef Py_ssize_t row
    cdef double number
    if ids_are_integers:
        row = (<const int32_t *>ids)[i]
        return row if 0 <= row < rows else -1
    number = (<const float *>ids)[i]
    # NaN fails both comparisons.
    return <Py_ssize_t>number if number > -1.0 and number < <double>rows else -1


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Ids [start, stop); a row of zeros and 1 for an id that is not in the table."""
    cdef const EmbeddingTask *task = <const EmbeddingTask *>opaque
    cdef Py_ssize_t i, row, next_row
    cdef int failures = 0
    for i in range(start, stop):
        next_row = (word_row(inputs[0], i + AHEAD, task.V, task.ids_are_integers)
                    if i + AHEAD < stop else -1)
        if next_row >= 0:
            prefetch_floats(task.table + next_row * task.D, task.D)
        row = word_row(inputs[0], i, task.V, task.ids_are_integers)
        if row < 0:
            failures = 1
            memset(output + i * task.D, 0, task.D * sizeof(float))
        else:
            memcpy(output + i * task.D, task.table + row * task.D, task.D * sizeof(float))
    return failures


cdef class Embedding(Kernel):
    """Rows of a table by number; a unit is one id."""

    cdef EmbeddingTask task
    cdef const float[:, ::1] table

    def __init__(self, Py_ssize_t length, const float[:, ::1] table, bint ids_are_integers):
        if length < 1 or table.shape[0] < 1 or table.shape[1] < 1:
            raise ValueError(
                "an embedding needs at least one id and a table of at least one row and column. "
                f"Received {length} ids and a table of shape "
                f"{(table.shape[0], table.shape[1])}.")
        self.table = table
        self.task.table = &table[0, 0]
        self.task.length, self.task.V, self.task.D = length, table.shape[0], table.shape[1]
        self.task.ids_are_integers = ids_are_integers
        self.step.run = block
        self.step.task = &self.task
        self.step.units = length
        self.step.work = 8.0 * length * self.task.D

    def run(self, ids, float[:, :, ::1] outputs, int threads):
        """Look up ids (N, length), int32 or float32 as prepared, into outputs (N, length, D).

        Raises:
            ValueError: an id is not in the table; outputs then hold zeros in its place.
        """
        cdef Py_ssize_t units = outputs.shape[0] * self.task.length
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef int failures = 0
        cdef const float *x
        if units == 0:
            return
        x = <const float *>self.address(ids)
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            failures += block(&self.task, &x, &outputs[0, 0, 0], NULL,
                              units * chunk // chunks, units * (chunk + 1) // chunks)
        if failures:
            self.check(ids)

    def check(self, ids):
        """Look for the first id (N, length) that is not in the table.

        Raises:
            ValueError: there is one; it names the id, its position and the valid range.
        """
        cdef const void *x
        cdef Py_ssize_t i, units = ids.size
        if units == 0:
            return
        x = self.address(ids)
        for i in range(units):
            if word_row(x, i, self.task.V, self.task.ids_are_integers) < 0:
                position = divmod(i, self.task.length)
                raise ValueError(
                    f"ids of this embedding must lie in [0, {self.task.V}), the rows of its "
                    f"table. Received {ids[position]} at position {position}.")

    cdef const void *address(self, ids) except NULL:
        """Return where the ids (N, length), one at least, lie."""
        cdef const int32_t[:, ::1] integers
        cdef const float[:, ::1] floats
        if self.task.ids_are_integers:
            integers = ids
            return &integers[0, 0]
        floats = ids
        return &floats[0, 0]
