"""Gradients of enlarged images: each pixel gets what its copies, or its shares, received.

    nearest    the sum of a window of tall x wide pixels of dy
    bilinear   the transpose of resizing.pyx: pixels of a row of dy give their weights to two
               columns of scratch, and these theirs to two rows
"""

from cython.parallel cimport prange, threadid
from libc.string cimport memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport POOL_average, Window, pool_kernel
from cnnfast._kernels.resizing cimport Between, EnlargeTask, between
from cnnfast._kernels.step cimport Kernel, Scratch, chunks_of

cdef struct Task:
    EnlargeTask forward
    pool_kernel *add            # the average of windows, times any factor


cdef int nearest_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop) of dx, counted through the images."""
    cdef const Task *task = <const Task *>opaque
    cdef Py_ssize_t C = task.forward.C, W = task.forward.W, wide = task.forward.wide, index
    cdef Window window = [task.forward.tall, W * wide * C, wide, C]
    for index in range(start, stop):
        task.add(inputs[0] + index * task.forward.tall * window.row, wide * C, &window,
                 output + index * W * C, C, W, C, 1.0)
    return 0


cdef void share(const float *v, float weight, float *lower, float *upper,
                Py_ssize_t n) noexcept nogil:
    """Add a part `weight` of each float to one place and the rest to another."""
    cdef Py_ssize_t i
    for i in range(n):
        lower[i] += v[i] - v[i] * weight
    for i in range(n):
        upper[i] += v[i] * weight


cdef int bilinear_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop)."""
    cdef const EnlargeTask *task = &(<const Task *>opaque).forward
    cdef Py_ssize_t row = task.W * task.C, C = task.C, image, p, q
    cdef Py_ssize_t P = task.H * task.tall, Q = task.W * task.wide
    cdef const float *dy
    cdef float *dx
    cdef Between found
    for image in range(start, stop):
        dx = output + image * task.H * row
        memset(dx, 0, task.H * row * sizeof(float))
        for p in range(P):
            dy = inputs[0] + (image * P + p) * Q * C
            memset(scratch, 0, row * sizeof(float))
            for q in range(Q):
                found = between(q, task.wide, task.W)
                share(dy + q * C, found.weight, scratch + found.lower * C,
                      scratch + found.upper * C, C)
            found = between(p, task.tall, task.H)
            share(scratch, found.weight, dx + found.lower * row, dx + found.upper * row, row)
    return 0


cdef class EnlargeGradient(Kernel):
    """dx (H, W, C) from dy, `tall` times as high and `wide` times as wide.

    A unit is a row of dx for "nearest", an image for "bilinear".
    """

    cdef Task task

    def __init__(self, str how, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C, tuple factors):
        cdef bint nearest = how == "nearest"
        tall, wide = factors
        self.task.forward = [H, W, C, tall, wide, C]
        self.task.add = active_kernels().pools[POOL_average]
        self.step.run = nearest_block if nearest else bilinear_block
        self.step.task = &self.task
        self.step.units = H if nearest else 1
        self.step.scratch = 0 if nearest else W * C
        self.step.work = 4.0 * H * W * C * (1 + tall * wide)

    def run(self, const float[:, ::1] gradients, float[:, ::1] outputs, int threads):
        """Fill outputs (N, H * W * C) for all images."""
        cdef Py_ssize_t units = gradients.shape[0] * self.step.units
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *dy
        if units == 0:
            return
        dy = &gradients[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            self.step.run(self.step.task, &dy, &outputs[0, 0],
                          scratch.floats + threadid() * scratch.stride,
                          units * chunk // chunks, units * (chunk + 1) // chunks)
