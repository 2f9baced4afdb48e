"""ScaleShift: y[m, c] = f(x[m, c] * scale[c] + shift[c]), what a normalisation is once trained.
Gate: y[m, c] = x[m, c] * gate[c], the gates of each image computed by the network itself.

Rows that lie side by side are not looked at: the image is one run of floats and the constants
repeat through it, so that a layer of three channels fills its vectors as one of 256 does.
"""

from cython.parallel cimport prange, threadid
from libc.math cimport INFINITY
from libc.string cimport memcpy

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.elementwise cimport (
    cut, first_float, repeat_constants, repeated_period, units_of,
)
from cnnfast._kernels.kernels cimport Kernels
from cnnfast._kernels.step cimport Activation, Kernel, Scratch, chunks_of, parse_activation

# An activation that is no clamp follows this many floats later, while they are in L1.
cdef Py_ssize_t PIECE = 1024

cdef struct ScaleShiftTask:
    const Kernels *kernels
    Activation activation
    const float *scale
    const float *shift
    Py_ssize_t channels
    Py_ssize_t source, target   # from a row of the input to the next, and of the output
    Py_ssize_t repeated     # period of the constants as packed


cdef void scale_shift_floats(
        const ScaleShiftTask *task, const float *x, float *y, Py_ssize_t first,
        Py_ssize_t last) noexcept nogil:
    cdef Py_ssize_t piece = last - first if task.activation.run == NULL else PIECE, n
    while first < last:
        n = min(piece, last - first)
        task.kernels.scale_shift(
            x + first, y + first, n, task.scale, task.shift, task.repeated,
            first % task.channels, task.activation.lowest, task.activation.highest)
        if task.activation.run != NULL:
            task.activation.run(y + first, y + first, n, task.activation.parameters)
        first += n


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop): one run of floats, unless they lie apart."""
    cdef const ScaleShiftTask *task = <const ScaleShiftTask *>opaque
    cdef Py_ssize_t row
    if task.source == task.target == task.channels:
        scale_shift_floats(task, inputs[0], output, start * task.channels, stop * task.channels)
        return 0
    for row in range(start, stop):
        scale_shift_floats(task, inputs[0] + row * task.source, output + row * task.target, 0,
                           task.channels)
    return 0


cdef class ScaleShift(Kernel):
    """A multiplication and an addition per channel, `rows` rows of channels per image: units.

    `activation` is applied to the result.
    """

    cdef ScaleShiftTask task

    def __init__(self, Py_ssize_t rows, Py_ssize_t channels, const float[::1] scale,
                 const float[::1] shift, tuple activation=("linear", 0.0, 0.0, 0.0)):
        cdef const Kernels *kernels = active_kernels()
        cdef Py_ssize_t repeated = repeated_period(kernels, channels)
        cdef Py_ssize_t floats = repeated + kernels.lanes
        cdef float *packed = self.allocate(2 * floats)
        repeat_constants(kernels, &scale[0] if channels else NULL, channels, packed)
        repeat_constants(kernels, &shift[0] if channels else NULL, channels, packed + floats)
        self.task.kernels = kernels
        self.task.activation = parse_activation(activation, kernels)
        self.task.scale, self.task.shift = packed, packed + floats
        self.task.channels = channels
        self.task.source, self.task.target = channels, channels
        self.task.repeated = repeated
        if channels >= kernels.lanes:
            self.source, self.target = &self.task.source, &self.task.target
        self.step.run = block
        self.step.task = &self.task
        self.step.units = rows
        self.step.work = 8.0 * rows * channels

    def run(self, const float[:, ::1] inputs, float[:, ::1] outputs, int threads):
        """Scale and shift all rows of inputs (any number of them)."""
        cdef Py_ssize_t floats = inputs.shape[0] * inputs.shape[1]
        cdef Py_ssize_t chunk, chunks = chunks_of(units_of(floats), threads)
        cdef const float *x
        cdef float *y
        if floats == 0:
            return
        x, y = &inputs[0, 0], &outputs[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            scale_shift_floats(&self.task, x, y, cut(floats, chunk, chunks),
                               cut(floats, chunk + 1, chunks))


# ---------------------------------------------------------------------------------------- Gate

cdef struct GateTask:
    const Kernels *kernels
    const float *zeros
    Py_ssize_t size         # floats per image
    Py_ssize_t channels
    Py_ssize_t repeated     # period of the gates in scratch


cdef void repeat_gates(const GateTask *task, const float *gates, float *repeated) noexcept nogil:
    """Repeat an image's gates as `repeat_constants` does, without a division for each."""
    cdef Py_ssize_t i
    memcpy(repeated, gates, task.channels * sizeof(float))
    for i in range(task.channels, task.repeated + task.kernels.lanes):
        repeated[i] = repeated[i - task.channels]


cdef int gate_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Units [start, stop), image by image."""
    cdef const GateTask *task = <const GateTask *>opaque
    cdef Py_ssize_t units = units_of(task.size), image, end, first, last
    while start < stop:
        image = start // units
        end = min(stop, (image + 1) * units)
        first, last = first_float(task.size, start), first_float(task.size, end)
        if first < last:
            repeat_gates(task, inputs[1] + image * task.channels, scratch)
            task.kernels.scale_shift(
                inputs[0] + first, output + first, last - first, scratch, task.zeros,
                task.repeated, (first - image * task.size) % task.channels, -INFINITY, INFINITY)
        start = end
    return 0


cdef class Gate(Kernel):
    """A multiplication by a factor for each channel and image; y may be x."""

    cdef GateTask task

    def __init__(self, Py_ssize_t rows, Py_ssize_t channels):
        cdef const Kernels *kernels = active_kernels()
        cdef Py_ssize_t repeated = repeated_period(kernels, channels), i
        cdef float *zeros = self.allocate(repeated + kernels.lanes)
        for i in range(repeated + kernels.lanes):
            zeros[i] = 0.0
        self.task.kernels = kernels
        self.task.zeros = zeros
        self.task.size = rows * channels
        self.task.channels = channels
        self.task.repeated = repeated
        self.step.run = gate_block
        self.step.task = &self.task
        self.step.units = units_of(self.task.size)
        self.step.scratch = repeated + kernels.lanes
        self.step.work = 8.0 * self.task.size

    def run(self, const float[:, ::1] inputs, const float[:, ::1] gates, float[:, ::1] outputs,
            int threads):
        """Multiply all images of inputs (N, rows * channels) by gates (N, channels)."""
        cdef Py_ssize_t units = inputs.shape[0] * self.step.units
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *operands[2]
        if inputs.shape[0] * inputs.shape[1] == 0:
            return
        operands[0], operands[1] = &inputs[0, 0], &gates[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            gate_block(&self.task, operands, &outputs[0, 0],
                       scratch.floats + threadid() * scratch.stride,
                       units * chunk // chunks, units * (chunk + 1) // chunks)
