"""Gradients of what joins several arrays element by element.

    Negative    dx = -dy, of what is subtracted
    Choice      dx = dy where this input is the first that was chosen, 0 elsewhere
    Gate        dgate[c] = sum over pixels of x[pixel, c] dy[pixel, c]
"""

from cython.parallel cimport prange
from libc.string cimport memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.elementwise cimport first_float, units_of
from cnnfast._kernels.kernels cimport Kernels, PixelGrid
from cnnfast._kernels.step cimport Kernel, chunks_of

cdef enum:
    MOST_INPUTS = 64

cdef struct ChoiceTask:
    Py_ssize_t size         # floats per image
    Py_ssize_t place        # of the input whose gradient it is


cdef int negative_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const ChoiceTask *task = <const ChoiceTask *>opaque
    cdef Py_ssize_t i
    for i in range(first_float(task.size, start), first_float(task.size, stop)):
        output[i] = -inputs[0][i]
    return 0


cdef int choice_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """From inputs up to this one, the output and its gradient."""
    cdef const ChoiceTask *task = <const ChoiceTask *>opaque
    cdef Py_ssize_t first = first_float(task.size, start), last = first_float(task.size, stop)
    cdef const float *y = inputs[task.place + 1]
    cdef const float *dy = inputs[task.place + 2]
    cdef const float *x = inputs[task.place]
    cdef Py_ssize_t i, other
    for i in range(first, last):
        output[i] = dy[i] if x[i] == y[i] else <float>0.0
    for other in range(task.place):
        x = inputs[other]
        for i in range(first, last):
            output[i] = <float>0.0 if x[i] == y[i] else output[i]
    return 0


cdef class Elementwise(Kernel):
    """What the kernels here share that see an image as a run of floats."""

    cdef ChoiceTask task

    cdef void plan(self, Py_ssize_t size, Py_ssize_t place) noexcept:
        self.task = [size, place]
        self.step.task = &self.task
        self.step.units = units_of(size)
        self.step.work = 4.0 * size * (place + 3)

    def run(self, *arguments):
        """Take arrays (N, size): inputs, then outputs, then the number of threads."""
        *arrays, threads = arguments
        cdef const float *pointers[MOST_INPUTS + 2]
        cdef const float[:, ::1] x
        cdef float[:, ::1] y = arrays.pop()
        cdef Py_ssize_t units = y.shape[0] * self.step.units, chunk
        cdef Py_ssize_t chunks = chunks_of(units, threads)
        cdef int used = threads
        if y.shape[0] * y.shape[1] == 0:
            return
        for index, x in enumerate(arrays):
            pointers[index] = &x[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=used, schedule="dynamic"):
            self.step.run(self.step.task, pointers, &y[0, 0], NULL, units * chunk // chunks,
                          units * (chunk + 1) // chunks)


cdef class Negative(Elementwise):
    """dx = -dy; dx may be dy."""

    def __init__(self, Py_ssize_t size):
        self.plan(size, 0)
        self.step.run = negative_block


cdef class Choice(Elementwise):
    """dx of input `place`, from inputs 0 to `place`, y and dy.

    What equals y in several inputs goes to the first of them.
    """

    def __init__(self, Py_ssize_t size, Py_ssize_t place):
        if not 0 <= place < MOST_INPUTS:
            raise ValueError(
                f"training can choose among at most {MOST_INPUTS} inputs. Received {place + 1}.")
        self.plan(size, place)
        self.step.run = choice_block


# ---------------------------------------------------------------------------------------- Gate

cdef struct GateTask:
    const Kernels *kernels
    Py_ssize_t rows, channels


cdef int gate_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop): a single tap that meets all pixels."""
    cdef const GateTask *task = <const GateTask *>opaque
    cdef Py_ssize_t C = task.channels, image
    cdef PixelGrid pixels = [1, task.rows, 0, C, 0, C]
    memset(output + start * C, 0, (stop - start) * C * sizeof(float))
    for image in range(start, stop):
        task.kernels.taps[0][0](inputs[0] + image * task.rows * C, 0, 0,
                                inputs[1] + image * task.rows * C, &pixels, output + image * C,
                                0, C)
    return 0


cdef class GateGradient(Kernel):
    """dgate (channels,) from x and dy, `rows` rows of channels; a unit is an image."""

    cdef GateTask task

    def __init__(self, Py_ssize_t rows, Py_ssize_t channels):
        self.task = [active_kernels(), rows, channels]
        self.step.run = gate_block
        self.step.task = &self.task
        self.step.units = 1
        self.step.work = 8.0 * rows * channels

    def run(self, const float[:, ::1] inputs, const float[:, ::1] gradients,
            float[:, ::1] outputs, int threads):
        """Fill outputs (N, channels) from images (N, rows * channels)."""
        cdef const float *pointers[2]
        cdef Py_ssize_t image
        if inputs.shape[0] * inputs.shape[1] == 0:
            return
        pointers[0], pointers[1] = &inputs[0, 0], &gradients[0, 0]
        for image in prange(inputs.shape[0], nogil=True, num_threads=threads):
            gate_block(&self.task, pointers, &outputs[0, 0], NULL, image, image + 1)
