"""A convolution right behind an embedding, as sums of table rows:

    y[q, k] = activation(bias[k] + sum over s of table[id at q sw + s dw - left][s, k])

The table holds, for every word, its embedding already multiplied with every tap of the filters:
S * K floats a word. A sample of the IMDb network then costs 21 K additions where embedding and
convolution cost 2.7 M multiply-adds.

Layout: products (V, S * K); ids are int32, or float32 that is truncated toward zero. Places
outside the sequence and ids outside the table are a row of zeros.
"""

from cython.parallel cimport prange, threadid
from libc.string cimport memcpy, memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.embedding cimport word_row
from cnnfast._kernels.kernels cimport Kernels
from cnnfast._kernels.step cimport (
    Activation, Kernel, Scratch, chunks_of, parse_activation, prefetch_floats,
)

# Words looked ahead: their rows come from L3 or memory while the words before are summed.
cdef Py_ssize_t AHEAD = 4

cdef struct WordsTask:
    const Kernels *kernels
    const float *products
    const float *zeros
    const float *bias
    Py_ssize_t length, V        # ids of a sample, rows of the table
    Py_ssize_t S, K, Q
    Py_ssize_t stride, dilation, left
    bint ids_are_integers
    Activation activation


cdef int find_rows(
        const WordsTask *task, const void *ids, Py_ssize_t sample, Py_ssize_t first,
        Py_ssize_t count, const float **rows) noexcept nogil:
    """Look up `count` places of a sample from place `first` on, which may be outside it."""
    cdef Py_ssize_t i, row
    cdef int failures = 0
    for i in range(first, first + count):
        rows[i - first] = task.zeros
        if 0 <= i < task.length:
            row = word_row(ids, sample * task.length + i, task.V, task.ids_are_integers)
            if row < 0:
                failures = 1
            else:
                rows[i - first] = task.products + row * task.S * task.K
    return failures


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Output places [start, stop), counted through the samples."""
    cdef const WordsTask *task = <const WordsTask *>opaque
    cdef const float **rows = <const float **>scratch
    cdef Py_ssize_t reach = (task.S - 1) * task.dilation + 1
    cdef Py_ssize_t first, places, count, q
    cdef float *y
    cdef int failures = 0
    while start < stop:
        first = start % task.Q
        places = min(task.Q - first, stop - start)
        count = (places - 1) * task.stride + reach
        failures |= find_rows(task, inputs[0], start // task.Q,
                              first * task.stride - task.left, count, rows)
        y = output + start * task.K
        for q in range(places):
            if q * task.stride + reach + AHEAD < count:
                prefetch_floats(rows[q * task.stride + reach + AHEAD], task.S * task.K)
            task.kernels.gather_sum(rows + q * task.stride, task.dilation, task.S, task.bias,
                                    y + q * task.K, task.K, task.activation.lowest,
                                    task.activation.highest)
        if task.activation.run != NULL:
            task.activation.run(y, y, places * task.K, task.activation.parameters)
        start += places
    return failures


cdef class EmbeddingConvolution(Kernel):
    """Sums of products of words and taps; a unit is one output place."""

    cdef WordsTask task
    cdef const float[:, ::1] products

    def __init__(self, Py_ssize_t length, const float[:, ::1] products, Py_ssize_t taps,
                 const float[::1] bias, Py_ssize_t stride, Py_ssize_t dilation,
                 tuple padding, tuple activation, bint ids_are_integers):
        cdef WordsTask *task = &self.task
        cdef Py_ssize_t left, right, columns = products.shape[1]
        left, right = padding
        self.products = products
        task.kernels = active_kernels()
        task.products, task.V = &products[0, 0], products.shape[0]
        task.S, task.K = taps, columns // taps
        task.length, task.stride, task.dilation, task.left = length, stride, dilation, left
        task.Q = (length + left + right - (taps - 1) * dilation - 1) // stride + 1
        task.ids_are_integers = ids_are_integers
        task.activation = parse_activation(activation, task.kernels)
        task.zeros = self.allocate(columns + task.K)
        task.bias = self.packed + columns
        memset(self.packed, 0, (columns + task.K) * sizeof(float))
        if bias is not None:
            memcpy(self.packed + columns, &bias[0], task.K * sizeof(float))
        self.step.run = block
        self.step.task = task
        self.step.units = task.Q
        # A pointer takes the place of two floats.
        self.step.scratch = 2 * ((task.Q - 1) * stride + (taps - 1) * dilation + 1)
        self.step.work = 4.0 * task.Q * columns

    def run(self, ids, float[:, :, ::1] outputs, int threads):
        """Sum up ids (N, length), int32 or float32 as prepared, into outputs (N, Q, K).

        Raises:
            ValueError: an id is not in the table; it has counted as zeros.
        """
        cdef Py_ssize_t units = outputs.shape[0] * self.task.Q
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef Scratch scratch = Scratch(self, threads)
        cdef const int[:, ::1] integers
        cdef const float[:, ::1] floats
        cdef const float *x
        cdef int failures = 0
        if units == 0:
            return
        if self.task.ids_are_integers:
            integers = ids
            x = <const float *>&integers[0, 0]
        else:
            floats = ids
            x = &floats[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            failures |= block(&self.task, &x, &outputs[0, 0, 0],
                              scratch.floats + threadid() * scratch.stride,
                              units * chunk // chunks, units * (chunk + 1) // chunks)
        if failures:
            raise ValueError(
                f"ids of this embedding must lie in [0, {self.task.V}), the rows of its table.")
