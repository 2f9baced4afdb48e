"""The shape of a prepared op: what the executor and the drivers know about any kernel.

A Kernel is an op made ready for one input shape: its geometry and its packed constants. It can
be run in two ways: by its own `run` driver (one eager op, its own threads), or as a step of a
plan, where the executor calls its block function on ranges of units and owns the threads.
"""

from libc.math cimport INFINITY

from cnnfast._kernels.dispatch cimport activation_named
from cnnfast._kernels.kernels cimport Kernels


cdef class Kernel:
    """Base of every prepared op; owns its packed constants."""

    def __dealloc__(self):
        release_floats(self.packed)

    @property
    def work(self):
        """Floating-point operations per image, or four per float moved."""
        return self.step.work

    @property
    def units(self):
        """Pieces that one image can be cut into for threads to share."""
        return self.step.units

    @property
    def panels(self):
        """Pieces that the weights can be cut into for threads to share; 0 where they cannot."""
        return self.step.panels

    @property
    def scratch(self):
        """Bytes that a thread needs beside inputs and output."""
        return 4 * self.step.scratch

    @property
    def weights(self):
        """Bytes of packed constants."""
        return 4 * self.packed_floats

    @property
    def pitches(self):
        """Floats from one row of the first input to the next, and of the output.

        Where nothing else was asked for, these are the floats of a row; 0 where rows must lie
        side by side.
        """
        return (self.source[0] if self.source != NULL else 0,
                self.target[0] if self.target != NULL else 0)

    def spread(self, Py_ssize_t source, Py_ssize_t target):
        """Let rows of the first input, and of the output, lie further apart than side by side.

        Args:
            source: floats from one row of the first input to the next.
            target: the same of the output. `pitches` tells where either can be changed.
        """
        if self.source != NULL:
            self.source[0] = source
        if self.target != NULL:
            self.target[0] = target
        self.settle()

    cdef int settle(self) except -1:
        """Settle what depends on how far apart rows lie."""
        return 0

    cdef float *allocate(self, Py_ssize_t count) except NULL:
        """Allocate the packed constants, once."""
        self.packed = allocate_floats(count)
        self.packed_floats = count
        if self.packed == NULL:
            raise MemoryError(f"cannot allocate {count * 4} bytes of packed weights")
        return self.packed


cdef class Scratch:
    """Scratch for each thread of one driver call, freed with the object."""

    def __cinit__(self, Kernel kernel, int threads):
        self.stride = padded_floats(kernel.step.scratch)
        self.floats = allocate_floats(self.stride * threads)
        if self.floats == NULL:
            raise MemoryError(f"cannot allocate {self.stride * threads * 4} bytes of scratch")

    def __dealloc__(self):
        release_floats(self.floats)


cdef Activation parse_activation(tuple activation, const Kernels *kernels) except *:
    """Turn (name, p0, p1, p2) into a clamp where it is one, else into a kernel to run after."""
    cdef Activation parsed
    name, slope, highest, threshold = activation
    parsed.lowest, parsed.highest, parsed.run = -INFINITY, INFINITY, NULL
    parsed.parameters[0], parsed.parameters[1], parsed.parameters[2] = activation[1:]
    if name == "linear":
        return parsed
    if name == "relu" and slope == 0.0 and threshold == 0.0 and highest >= 0.0:
        parsed.lowest, parsed.highest = 0.0, highest
        return parsed
    parsed.run = activation_named(kernels, name)
    return parsed


cdef void activate_rows(
        const Activation *activation, float *y, Py_ssize_t rows, Py_ssize_t columns,
        Py_ssize_t pitch) noexcept nogil:
    """Apply what is not a clamp, in place, to rows `pitch` floats apart."""
    cdef Py_ssize_t row
    if activation.run == NULL:
        return
    if pitch == columns:
        activation.run(y, y, rows * columns, activation.parameters)
        return
    for row in range(rows):
        activation.run(y + row * pitch, y + row * pitch, columns, activation.parameters)


cdef Py_ssize_t chunks_of(Py_ssize_t units, int threads) noexcept nogil:
    """Return into how many ranges a driver cuts its units: four a thread, to even out."""
    return units if units < 4 * threads else 4 * threads
