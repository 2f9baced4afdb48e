"""Gradients of operations that move or look up floats.

    Cut        what padding and joining put together is taken apart: runs of floats are copied out
    Embedding  dtable[id of i] += dy[i], in the order of the ids
"""

from cython.parallel cimport prange
from libc.string cimport memcpy

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.embedding cimport word_row
from cnnfast._kernels.kernels cimport PAIR_add, Kernels
from cnnfast._kernels.step cimport Kernel

cdef struct CutTask:
    Py_ssize_t size             # floats of an image that is cut
    Py_ssize_t first, stride    # where the first run begins, and from one to the next
    Py_ssize_t runs, length


cdef int cut_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop)."""
    cdef const CutTask *task = <const CutTask *>opaque
    cdef Py_ssize_t image, run
    for image in range(start, stop):
        for run in range(task.runs):
            memcpy(output + (image * task.runs + run) * task.length,
                   inputs[0] + image * task.size + task.first + run * task.stride,
                   task.length * sizeof(float))
    return 0


cdef class Cut(Kernel):
    """Copy runs of floats out of each image; a unit is an image."""

    cdef CutTask task

    def __init__(self, Py_ssize_t size, Py_ssize_t first, Py_ssize_t stride, Py_ssize_t runs,
                 Py_ssize_t length):
        if runs and first + (runs - 1) * stride + length > size:
            raise ValueError(f"runs of floats reach beyond an image of {size}.")
        self.task = [size, first, stride, runs, length]
        self.step.run = cut_block
        self.step.task = &self.task
        self.step.units = 1
        self.step.work = 8.0 * runs * length

    def run(self, const float[:, ::1] inputs, float[:, ::1] outputs, int threads):
        """Cut all images of inputs."""
        cdef Py_ssize_t image
        cdef const float *x
        if outputs.shape[0] * outputs.shape[1] == 0:
            return
        x = &inputs[0, 0]
        for image in prange(inputs.shape[0], nogil=True, num_threads=threads):
            cut_block(&self.task, &x, &outputs[0, 0], NULL, image, image + 1)


cdef struct EmbeddingTask:
    const Kernels *kernels
    Py_ssize_t V, D
    bint ids_are_integers


cdef int embedding_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Ids [start, stop); those outside the table are left out and give 1."""
    cdef const EmbeddingTask *task = <const EmbeddingTask *>opaque
    cdef Py_ssize_t i, row
    cdef int failures = 0
    for i in range(start, stop):
        row = word_row(inputs[0], i, task.V, task.ids_are_integers)
        if row < 0:
            failures = 1
        else:
            task.kernels.pairs[PAIR_add](
                output + row * task.D, inputs[1] + i * task.D, output + row * task.D, task.D)
    return failures


cdef class EmbeddingGradient(Kernel):
    """table (V, D) += the gradients of its rows, `length` of them per image; a unit is an id."""

    cdef EmbeddingTask task

    def __init__(self, Py_ssize_t length, Py_ssize_t V, Py_ssize_t D, bint ids_are_integers):
        self.task = [active_kernels(), V, D, ids_are_integers]
        self.step.run = embedding_block
        self.step.task = &self.task
        self.step.units = length
        self.step.work = 12.0 * length * D

    def run(self, const int[:, ::1] ids, const float[:, :, ::1] gradients,
            float[:, ::1] outputs):
        """Add what all ids (N, length), as int32, contribute to outputs (V, D)."""
        cdef const float *pointers[2]
        if ids.shape[0] * ids.shape[1]:
            pointers[0], pointers[1] = <const float *>&ids[0, 0], &gradients[0, 0, 0]
            embedding_block(&self.task, pointers, &outputs[0, 0], NULL, 0,
                            ids.shape[0] * ids.shape[1])
