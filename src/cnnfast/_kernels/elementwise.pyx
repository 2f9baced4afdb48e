"""Elementwise kernels, and those of whole rows: activations, sums and other pairs, slopes.

An image is a run of `size` floats, cut into units of 1024: whole cache lines, so that threads
do not write to one line, and enough work to be worth handing out. A unit of a row kernel is one
row. An element's (a row's) result does not depend on where the cuts are.
"""

from cython.parallel cimport prange
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from cnnfast._kernels.dispatch cimport active_kernels, activation_named
from cnnfast._kernels.kernels cimport (
    PAIR_add, PAIR_maximum, PAIR_minimum, PAIR_multiply, PAIR_subtract, Kernels,
    activation_kernel, cast_kernel, pair_kernel, row_kernel,
)
from cnnfast._kernels.step cimport Kernel, chunks_of

cdef Py_ssize_t UNIT = 1024
# Work is counted as four per float moved; an exponential's own arithmetic hides behind as many.
cdef double WORK_PER_FLOAT = 4.0


cdef Py_ssize_t units_of(Py_ssize_t size) noexcept nogil:
    """Return into how many units an image is cut: one where it is empty."""
    return (size + UNIT - 1) // UNIT if size else 1


cdef Py_ssize_t first_float(Py_ssize_t size, Py_ssize_t unit) noexcept nogil:
    """Return where a unit of a group of images begins; only the last of an image is shorter."""
    cdef Py_ssize_t units = units_of(size)
    return unit // units * size + unit % units * UNIT


cdef Py_ssize_t cut(Py_ssize_t floats, Py_ssize_t chunk, Py_ssize_t chunks) noexcept nogil:
    """Return where a driver's chunk of all floats begins."""
    return min(floats, units_of(floats) * chunk // chunks * UNIT)


cdef Py_ssize_t repeated_period(const Kernels *kernels, Py_ssize_t period) noexcept nogil:
    """Return the least multiple of a period that fills a vector."""
    return (kernels.lanes + period - 1) // period * period if period else kernels.lanes


cdef void repeat_constants(
        const Kernels *kernels, const float *constants, Py_ssize_t period,
        float *packed) noexcept nogil:
    """Write a repeated period and one vector more, so that a vector may start at any of it."""
    cdef Py_ssize_t i
    for i in range(repeated_period(kernels, period) + kernels.lanes):
        packed[i] = constants[i % period] if period else 0.0


# ------------------------------------------------------------------------------------ Activate

cdef struct ActivateTask:
    activation_kernel *kernel
    Py_ssize_t size
    float parameters[3]


cdef int activate_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const ActivateTask *task = <const ActivateTask *>opaque
    cdef Py_ssize_t first = first_float(task.size, start), last = first_float(task.size, stop)
    task.kernel(inputs[0] + first, output + first, last - first, task.parameters)
    return 0


cdef class Activate(Kernel):
    """y = f(x) for every element; y may be x."""

    cdef ActivateTask task

    def __init__(self, Py_ssize_t size, tuple activation):
        name, *parameters = activation
        self.task.kernel = activation_named(active_kernels(), name)
        self.task.size = size
        for i in range(3):
            self.task.parameters[i] = parameters[i]
        self.step.run = activate_block
        self.step.task = &self.task
        self.step.units = units_of(size)
        self.step.work = 2 * WORK_PER_FLOAT * size

    def run(self, const float[:, ::1] inputs, float[:, ::1] outputs, int threads):
        """Apply the activation to all images of inputs."""
        cdef Py_ssize_t floats = inputs.shape[0] * inputs.shape[1]
        cdef Py_ssize_t chunk, chunks = chunks_of(units_of(floats), threads), first
        cdef const float *x
        cdef float *y
        if floats == 0:
            return
        x, y = &inputs[0, 0], &outputs[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            first = cut(floats, chunk, chunks)
            self.task.kernel(x + first, y + first, cut(floats, chunk + 1, chunks) - first,
                             self.task.parameters)


# ------------------------------------------------------------------------------------- Combine

cdef struct CombineTask:
    pair_kernel *kernel
    Py_ssize_t size
    Py_ssize_t count


cdef pair_kernel *pair_named(const Kernels *kernels, str name) except NULL:
    """Return one function of two operands of a table."""
    if name == "add":
        return kernels.pairs[PAIR_add]
    if name == "subtract":
        return kernels.pairs[PAIR_subtract]
    if name == "multiply":
        return kernels.pairs[PAIR_multiply]
    if name == "maximum":
        return kernels.pairs[PAIR_maximum]
    if name == "minimum":
        return kernels.pairs[PAIR_minimum]
    raise ValueError(f"pair must be one of {', '.join(pairs())}. Received {name!r}.")


def pairs() -> tuple[str, ...]:
    """Return the names of all functions of two operands."""
    return ("add", "subtract", "multiply", "maximum", "minimum")


cdef void combine_floats(
        const CombineTask *task, const float *const *inputs, float *output, Py_ssize_t first,
        Py_ssize_t last) noexcept nogil:
    """Combine floats [first, last) of all inputs, a unit at a time so that it stays in L1."""
    cdef Py_ssize_t n, k
    if task.count == 1:
        memcpy(output + first, inputs[0] + first, (last - first) * sizeof(float))
        return
    while first < last:
        n = min(UNIT, last - first)
        task.kernel(inputs[0] + first, inputs[1] + first, output + first, n)
        for k in range(2, task.count):
            task.kernel(output + first, inputs[k] + first, output + first, n)
        first += n


cdef int combine_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const CombineTask *task = <const CombineTask *>opaque
    combine_floats(task, inputs, output, first_float(task.size, start),
                   first_float(task.size, stop))
    return 0


cdef class Combine(Kernel):
    """y = f(f(x0, x1), x2) ..., from the left; y may be one of the first two."""

    cdef CombineTask task

    def __init__(self, str name, Py_ssize_t size, Py_ssize_t count):
        self.task.kernel = pair_named(active_kernels(), name)
        self.task.size = size
        self.task.count = count
        self.step.run = combine_block
        self.step.task = &self.task
        self.step.units = units_of(size)
        self.step.work = WORK_PER_FLOAT * (count + 1) * size

    def run(self, *arguments):
        """Combine all images: run(inputs_0, inputs_1, ..., outputs, threads)."""
        cdef const float[:, ::1] inputs
        cdef float[:, ::1] outputs = arguments[self.task.count]
        cdef int threads = arguments[self.task.count + 1]
        cdef const float **pointers
        if outputs.shape[0] * outputs.shape[1] == 0:
            return
        pointers = <const float **>malloc(self.task.count * sizeof(float *))
        if pointers == NULL:
            raise MemoryError(f"cannot allocate pointers to {self.task.count} inputs")
        try:
            for k in range(self.task.count):
                inputs = arguments[k]
                pointers[k] = &inputs[0, 0]
            self.run_pointers(pointers, outputs, threads)
        finally:
            free(pointers)

    cdef void run_pointers(
            self, const float *const *inputs, float[:, ::1] outputs, int threads) noexcept:
        cdef Py_ssize_t floats = outputs.shape[0] * outputs.shape[1]
        cdef Py_ssize_t chunk, chunks = chunks_of(units_of(floats), threads)
        cdef float *y = &outputs[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            combine_floats(&self.task, inputs, y, cut(floats, chunk, chunks),
                           cut(floats, chunk + 1, chunks))


# ---------------------------------------------------------------------------------------- Cast

cdef struct CastTask:
    cast_kernel *kernel
    Py_ssize_t size


cdef int cast_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const CastTask *task = <const CastTask *>opaque
    cdef Py_ssize_t first = first_float(task.size, start), last = first_float(task.size, stop)
    task.kernel(<const int *>inputs[0] + first, output + first, last - first)
    return 0


cdef class Cast(Kernel):
    """y = x as float32, x int32."""

    cdef CastTask task

    def __init__(self, Py_ssize_t size):
        self.task.kernel = active_kernels().cast
        self.task.size = size
        self.step.run = cast_block
        self.step.task = &self.task
        self.step.units = units_of(size)
        self.step.work = 2 * WORK_PER_FLOAT * size

    def run(self, const int[:, ::1] inputs, float[:, ::1] outputs, int threads):
        """Convert all images of inputs."""
        cdef Py_ssize_t count = inputs.shape[0] * inputs.shape[1]
        cdef Py_ssize_t chunk, chunks = chunks_of(units_of(count), threads), first
        cdef const int *x
        cdef float *y
        if count == 0:
            return
        x, y = &inputs[0, 0], &outputs[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            first = cut(count, chunk, chunks)
            self.task.kernel(x + first, y + first, cut(count, chunk + 1, chunks) - first)


# --------------------------------------------------------------------------------------- Prelu

cdef struct PreluTask:
    const Kernels *kernels
    const float *slopes
    Py_ssize_t size
    Py_ssize_t period       # of the slopes
    Py_ssize_t repeated     # of the slopes as packed
    const int *places       # the slope at each place of a period; NULL: each has its own


cdef void prelu_floats(
        const PreluTask *task, const float *x, float *y, Py_ssize_t first,
        Py_ssize_t last) noexcept nogil:
    if first < last:
        task.kernels.prelu(x + first, y + first, last - first, task.slopes, task.repeated,
                           first % task.period)


cdef int prelu_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const PreluTask *task = <const PreluTask *>opaque
    prelu_floats(task, inputs[0], output, first_float(task.size, start),
                 first_float(task.size, stop))
    return 0


cdef void pack_slopes(
        const void *opaque, const float *weights, const float *bias,
        float *packed) noexcept nogil:
    """Repeat the slopes as `repeat_constants` does."""
    cdef const PreluTask *task = <const PreluTask *>opaque
    cdef Py_ssize_t i
    if task.places == NULL:
        repeat_constants(task.kernels, weights, task.period, packed)
        return
    for i in range(task.period):
        packed[i] = weights[task.places[i]]
    repeat_constants(task.kernels, packed, task.period, packed)


cdef class Prelu(Kernel):
    """y = x where x >= 0, slope * x below; the slopes repeat through the image.

    `places` is the slope, by number, at each place of a period; None where each has its own.
    """

    cdef PreluTask task
    cdef object held

    def __init__(self, Py_ssize_t size, const float[::1] slopes, const int[::1] places=None):
        cdef const Kernels *kernels = active_kernels()
        cdef Py_ssize_t period = slopes.shape[0] if places is None else places.shape[0]
        cdef const float *given = &slopes[0] if period else NULL
        self.held = places
        self.task.kernels = kernels
        self.task.size = size
        self.task.period = period
        self.task.repeated = repeated_period(kernels, period)
        self.task.places = &places[0] if places is not None and period else NULL
        self.task.slopes = self.allocate(self.task.repeated + kernels.lanes)
        self.pack_weights = pack_slopes
        pack_slopes(&self.task, given, NULL, self.packed)
        self.step.run = prelu_block
        self.step.task = &self.task
        self.step.units = units_of(size)
        self.step.work = 2 * WORK_PER_FLOAT * size

    def run(self, const float[:, ::1] inputs, float[:, ::1] outputs, int threads):
        """Scale the negative elements of all images of inputs."""
        cdef Py_ssize_t floats = inputs.shape[0] * inputs.shape[1]
        cdef Py_ssize_t chunk, chunks = chunks_of(units_of(floats), threads)
        cdef const float *x
        cdef float *y
        if floats == 0:
            return
        x, y = &inputs[0, 0], &outputs[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            prelu_floats(&self.task, x, y, cut(floats, chunk, chunks),
                         cut(floats, chunk + 1, chunks))


# --------------------------------------------------------------------------------- RowActivate

cdef struct RowTask:
    row_kernel *kernel
    Py_ssize_t columns      # of the inputs
    Py_ssize_t outputs      # columns of the outputs


cdef row_kernel *row_named(const Kernels *kernels, str name) except NULL:
    """Return one function of rows of a table."""
    if name == "softmax":
        return kernels.softmax
    if name == "log_softmax":
        return kernels.log_softmax
    if name == "sparsemax":
        return kernels.sparsemax
    if name == "glu":
        return kernels.glu
    raise ValueError(
        f"row activation must be one of {', '.join(row_activations())}. Received {name!r}."
    )


def row_activations() -> tuple[str, ...]:
    """Return the names of all functions of whole rows."""
    return ("softmax", "log_softmax", "sparsemax", "glu")


cdef int row_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    cdef const RowTask *task = <const RowTask *>opaque
    task.kernel(inputs[0] + start * task.columns, output + start * task.outputs, stop - start,
                task.columns)
    return 0


cdef class RowActivate(Kernel):
    """A function of each row of a matrix, `rows` of them per image; glu halves the columns."""

    cdef RowTask task

    def __init__(self, str name, Py_ssize_t rows, Py_ssize_t columns):
        self.task.kernel = row_named(active_kernels(), name)
        self.task.columns = columns
        self.task.outputs = columns // 2 if name == "glu" else columns
        self.step.run = row_block
        self.step.task = &self.task
        self.step.units = rows
        self.step.work = 4 * WORK_PER_FLOAT * rows * columns

    def run(self, const float[:, ::1] inputs, float[:, ::1] outputs, int threads):
        """Apply the function to all rows of inputs (any number of them)."""
        cdef Py_ssize_t rows = inputs.shape[0], chunk, chunks = chunks_of(rows, threads)
        cdef const float *x
        cdef float *y
        if rows * outputs.shape[1] == 0:
            return
        x, y = &inputs[0, 0], &outputs[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            row_block(&self.task, &x, y, NULL, rows * chunk // chunks,
                      rows * (chunk + 1) // chunks)
