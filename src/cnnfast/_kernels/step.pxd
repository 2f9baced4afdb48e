# What every prepared op looks like to the executor; see step.pyx.

from cnnfast._kernels.kernels cimport Kernels, activation_kernel

cdef extern from "memory.h" nogil:
    float *allocate_floats(Py_ssize_t count) noexcept
    void release_floats(float *block) noexcept
    Py_ssize_t padded_floats(Py_ssize_t count) noexcept
    void prefetch_floats(const float *p, Py_ssize_t count) noexcept
    void prefetch_floats_far(const float *p, Py_ssize_t count) noexcept

# Do units [start, stop) of a contiguous group of images; unit u belongs to image u // units.
# Return 0, or 1 where an index lay outside its table.
ctypedef int (*block_function)(
    const void *task, const float *const *inputs, float *output, float *scratch,
    Py_ssize_t start, Py_ssize_t stop) noexcept nogil

# Do all `units` of a group of images, but of their outputs only what panels [start, stop) of the
# weights give. Return 0.
ctypedef int (*panels_function)(
    const void *task, const float *const *inputs, float *output, float *scratch,
    Py_ssize_t units, Py_ssize_t start, Py_ssize_t stop) noexcept nogil

# Lay weights, in the order of the op's array, and a bias (NULL: zeros) out as a kernel reads them.
ctypedef void (*pack_function)(
    const void *task, const float *weights, const float *bias, float *packed) noexcept nogil

cdef struct Step:
    block_function run
    panels_function run_panels
    const void *task
    Py_ssize_t units        # pieces an image can be cut into, for threads to share
    Py_ssize_t scratch      # floats that a thread needs beside inputs and output
    Py_ssize_t panels       # pieces the weights can be cut into
    Py_ssize_t few          # of fewer units than this, threads had better share the panels
    double work             # per image: floating-point operations, or four per float moved

cdef struct Activation:
    # Clamping is done in the registers of the producing kernel; `run` (or NULL) comes after it.
    float lowest
    float highest
    activation_kernel *run
    float parameters[3]

cdef class Kernel:
    cdef Step step
    cdef float *packed
    cdef Py_ssize_t packed_floats
    cdef pack_function pack_weights     # NULL where `packed` holds no weights that train
    # Where the task keeps how many floats lie from one row of the first input, or of the output,
    # to the next; NULL where rows must lie side by side.
    cdef Py_ssize_t *source
    cdef Py_ssize_t *target
    cdef float *allocate(self, Py_ssize_t count) except NULL
    cdef int settle(self) except -1

cdef class Scratch:
    # Per-thread scratch of one call of a driver.
    cdef float *floats
    cdef Py_ssize_t stride

cdef void activate_rows(
    const Activation *activation, float *y, Py_ssize_t rows, Py_ssize_t columns,
    Py_ssize_t pitch) noexcept nogil
cdef Activation parse_activation(tuple activation, const Kernels *kernels) except *
cdef Py_ssize_t chunks_of(Py_ssize_t units, int threads) noexcept nogil
