"""Gradients of leaky lines whose slopes train.

    dx = dy above zero, slope dy below, 0 in zero, as TensorFlow has it
    dslope += x dy, summed over all x below zero that share it

Slopes repeat through an image with a period. Which slope stands at a place of the period is a
list of numbers, since some may stand at several places.
"""

from cython.parallel cimport prange

from cnnfast._kernels.elementwise cimport first_float, units_of
from cnnfast._kernels.step cimport Kernel, chunks_of

cdef struct PreluTask:
    const float *slopes         # of a whole period
    const int *places           # the slope at each place of a period
    Py_ssize_t size, period
    bint in_order               # whether each place has a slope of its own


cdef int input_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Units [start, stop) of x and dy."""
    cdef const PreluTask *task = <const PreluTask *>opaque
    cdef Py_ssize_t first = first_float(task.size, start), last = first_float(task.size, stop)
    cdef Py_ssize_t phase, count, i
    cdef const float *x
    cdef const float *dy
    cdef const float *slopes
    cdef float *dx
    while first < last:
        phase = first % task.period
        count = min(task.period - phase, last - first)
        x, dy, dx = inputs[0] + first, inputs[1] + first, output + first
        slopes = task.slopes + phase
        for i in range(count):
            dx[i] = dy[i] * ((<float>1.0 if x[i] > 0.0 else <float>0.0)
                             + (slopes[i] if x[i] < 0.0 else <float>0.0))
        first += count
    return 0


cdef void pack(
        const void *opaque, const float *weights, const float *bias,
        float *packed) noexcept nogil:
    cdef const PreluTask *task = <const PreluTask *>opaque
    cdef Py_ssize_t i
    for i in range(task.period):
        packed[i] = weights[task.places[i]]


cdef class PreluGradient(Kernel):
    """What both gradients share: `places` is the slope, by number, at each place of a period."""

    cdef PreluTask task
    cdef object held

    cdef void plan(self, Py_ssize_t size, const int[::1] places) noexcept:
        cdef Py_ssize_t i
        self.held = places
        self.task.places = &places[0]
        self.task.size, self.task.period = size, places.shape[0]
        self.task.in_order = True
        for i in range(places.shape[0]):
            self.task.in_order = self.task.in_order and places[i] == i
        self.step.task = &self.task
        self.step.work = 16.0 * size


cdef class PreluInputGradient(PreluGradient):
    """dx from x and dy; dx may be either."""

    def __init__(self, Py_ssize_t size, const float[::1] slopes, const int[::1] places):
        self.plan(size, places)
        self.task.slopes = self.allocate(self.task.period)
        self.pack_weights = pack
        pack(&self.task, &slopes[0], NULL, self.packed)
        self.step.run = input_block
        self.step.units = units_of(size)

    def run(self, const float[:, ::1] inputs, const float[:, ::1] gradients,
            float[:, ::1] outputs, int threads):
        """Fill outputs (N, size) for all images."""
        cdef Py_ssize_t units = inputs.shape[0] * self.step.units
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef const float *pointers[2]
        if inputs.shape[0] * inputs.shape[1] == 0:
            return
        pointers[0], pointers[1] = &inputs[0, 0], &gradients[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            input_block(&self.task, pointers, &outputs[0, 0], NULL, units * chunk // chunks,
                        units * (chunk + 1) // chunks)


cdef int slopes_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Periods [start, stop) of x and dy."""
    cdef const PreluTask *task = <const PreluTask *>opaque
    cdef Py_ssize_t period = task.period, index, i
    cdef const float *x
    cdef const float *dy
    for index in range(start, stop):
        x, dy = inputs[0] + index * period, inputs[1] + index * period
        if task.in_order:
            for i in range(period):
                output[i] += dy[i] * (x[i] if x[i] < 0.0 else <float>0.0)
        else:
            for i in range(period):
                output[task.places[i]] += dy[i] * (x[i] if x[i] < 0.0 else <float>0.0)
    return 0


cdef class PreluSlopesGradient(PreluGradient):
    """slopes += what x and dy of all images contribute, by one thread; a unit is a period."""

    def __init__(self, Py_ssize_t size, const int[::1] places):
        self.plan(size, places)
        self.step.run = slopes_block
        self.step.units = size // self.task.period

    def run(self, const float[:, ::1] inputs, const float[:, ::1] gradients, float[::1] outputs):
        """Add what images (N, size) contribute to outputs, one float a slope."""
        cdef const float *pointers[2]
        if inputs.shape[0] * inputs.shape[1]:
            pointers[0], pointers[1] = &inputs[0, 0], &gradients[0, 0]
            slopes_block(&self.task, pointers, &outputs[0], NULL, 0,
                         inputs.shape[0] * self.step.units)
