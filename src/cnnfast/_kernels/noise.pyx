"""Layers that draw random numbers in training: dropout and noise, see micro/noise.h.

What is drawn for an element is a function of its place in the image, the image's place in the
batch, the step, the run and the layer. Threads and groups do not matter; the same step draws the
same again, forward and back, and so does a run that is resumed.
"""

from libc.stdint cimport uint32_t

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport Stream, noise_kernel
from cnnfast._kernels.step cimport Kernel

NAMES = ("dropout", "gaussian_noise", "gaussian_dropout")
# Numbers that describe an image's draws: its place in the batch, the step, the run.
cdef enum:
    COUNTERS = 3

cdef struct NoiseTask:
    noise_kernel *kernel
    Py_ssize_t size
    const float *ones       # NULL where there is an input
    Stream stream           # of the layer
    bint ignores_image
    bint ignores_run
    float parameters[3]


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop) of x, if there is one, and of the counters."""
    cdef const NoiseTask *task = <const NoiseTask *>opaque
    cdef const uint32_t *counters = <const uint32_t *>inputs[task.ones == NULL]
    cdef const float *x
    cdef Stream stream = task.stream
    cdef Py_ssize_t image, i
    for image in range(start, stop):
        for i in range(COUNTERS):
            stream.counter[i] = counters[image * COUNTERS + i]
        if task.ignores_image:
            stream.counter[0] = 0
        if task.ignores_run:
            stream.counter[2] = 0
        x = task.ones if task.ones != NULL else inputs[0] + image * task.size
        task.kernel(x, output + image * task.size, task.size, &stream, task.parameters)
    return 0


cdef class Noise(Kernel):
    """y = x with noise, for images of `size` floats; y may be x.

    `name` is one of NAMES. `threshold`, below 2^32: the numbers from it on keep what they meet.
    `key` is the layer's own, below 2^64. Without an input, x is all ones.
    """

    cdef NoiseTask task

    def __init__(self, str name, Py_ssize_t size, tuple parameters, threshold, key,
                 bint has_input, bint ignores_image, bint ignores_run):
        cdef float *ones
        cdef Py_ssize_t i
        self.task.kernel = active_kernels().noises[NAMES.index(name)]
        self.task.size = size
        self.task.stream.threshold = threshold
        self.task.stream.key[0], self.task.stream.key[1] = key & 0xFFFFFFFF, key >> 32
        self.task.ignores_image, self.task.ignores_run = ignores_image, ignores_run
        for i in range(3):
            self.task.parameters[i] = parameters[i]
        self.task.ones = NULL
        if not has_input:
            ones = self.allocate(max(1, size))
            for i in range(size):
                ones[i] = 1.0
            self.task.ones = ones
        self.step.run = block
        self.step.task = &self.task
        self.step.units = 1
        self.step.work = 24.0 * size

    def run(self, const float[:, ::1] inputs, const uint32_t[:, ::1] counters,
            float[:, ::1] outputs):
        """Fill outputs for all images; inputs are ignored where the kernel has none."""
        cdef const float *pointers[2]
        if outputs.shape[0] * outputs.shape[1] == 0:
            return
        pointers[0] = &inputs[0, 0] if self.task.ones == NULL else <const float *>&counters[0, 0]
        pointers[1] = <const float *>&counters[0, 0]
        block(&self.task, pointers, &outputs[0, 0], NULL, 0, outputs.shape[0])
