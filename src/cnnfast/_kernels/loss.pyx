"""Losses that train: a value for each row of a network's outputs, and its gradient.

    sparse        log(sum of e^z) - z[label]                   of a softmax's inputs z
    categorical   sum over k of t[k] (log(sum of e^z) - z[k])  the same, targets t that sum to 1
    binary        mean over k of log(1 + e^z[k]) - t[k] z[k]   of a sigmoid's inputs z
    squared       mean over k of (z[k] - t[k])^2
    absolute      mean over k of |z[k] - t[k]|

Label smoothing draws targets to 1 / K, binary ones to 1 / 2. A gradient is multiplied by its
row's scale: the sample's weight over the number of rows in the batch.
"""

from libc.math cimport fabsf
from libc.stdint cimport int32_t

from cnnfast._kernels.dispatch cimport active_kernels, activation_named
from cnnfast._kernels.kernels cimport Kernels, activation_kernel
from cnnfast._kernels.step cimport Kernel, Scratch

cdef enum Kind:
    SPARSE
    CATEGORICAL
    BINARY
    SQUARED
    ABSOLUTE

KINDS = {"sparse": SPARSE, "categorical": CATEGORICAL, "binary": BINARY, "squared": SQUARED,
         "absolute": ABSOLUTE}

cdef struct LossTask:
    const Kernels *kernels
    activation_kernel *softplus
    activation_kernel *sigmoid
    Kind kind
    Py_ssize_t columns
    float keep, add             # a smoothed target is keep * t + add


cdef float row_value(
        const LossTask *task, const float *z, const float *t, int32_t label,
        float *scratch) noexcept nogil:
    """Return the loss of one row."""
    cdef Py_ssize_t columns = task.columns, k
    cdef double total = 0.0, target, difference
    cdef float nothing[3]
    nothing[0] = nothing[1] = nothing[2] = 0.0
    if task.kind == SPARSE or task.kind == CATEGORICAL:
        task.kernels.log_softmax(z, scratch, 1, columns)
        if task.kind == SPARSE:
            return -scratch[label]
        for k in range(columns):
            target = task.keep * t[k] + task.add
            if target != 0.0:
                total -= target * scratch[k]
        return <float>total
    if task.kind == BINARY:
        task.softplus(z, scratch, columns, nothing)
    for k in range(columns):
        difference = <double>z[k] - t[k]
        if task.kind == BINARY:
            total += scratch[k] - <double>(task.keep * t[k] + task.add) * z[k]
        elif task.kind == SQUARED:
            total += difference * difference
        else:
            total += fabsf(<float>difference)
    return <float>(total / columns)


cdef void row_gradient(
        const LossTask *task, const float *z, const float *t, int32_t label, float scale,
        float *dz) noexcept nogil:
    """Fill one row's gradient."""
    cdef Py_ssize_t columns = task.columns, k
    cdef float nothing[3]
    cdef float mean = scale / columns, difference
    nothing[0] = nothing[1] = nothing[2] = 0.0
    if task.kind == SPARSE or task.kind == CATEGORICAL:
        task.kernels.softmax(z, dz, 1, columns)
    elif task.kind == BINARY:
        task.sigmoid(z, dz, columns, nothing)
    for k in range(columns):
        if task.kind == SPARSE:
            dz[k] = scale * (dz[k] - 1 if k == label else dz[k])
        elif task.kind == CATEGORICAL:
            dz[k] = scale * (dz[k] - (task.keep * t[k] + task.add))
        elif task.kind == BINARY:
            dz[k] = mean * (dz[k] - (task.keep * t[k] + task.add))
        else:
            difference = z[k] - t[k]
            if task.kind == SQUARED:
                dz[k] = 2 * mean * difference
            else:
                dz[k] = mean if difference > 0 else (-mean if difference < 0 else 0 * difference)


cdef bint find_target(
        const LossTask *task, const void *targets, Py_ssize_t row, const float **t,
        int32_t *label) noexcept nogil:
    """Point at a row's target; False where a label names no column."""
    label[0] = 0
    if task.kind == SPARSE:
        label[0] = (<const int32_t *>targets)[row]
        return 0 <= label[0] < task.columns
    t[0] = <const float *>targets + row * task.columns
    return True


cdef int value_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop) of z and targets; 1 where a label names no column."""
    cdef const LossTask *task = <const LossTask *>opaque
    cdef Py_ssize_t row
    cdef int failures = 0
    cdef int32_t label
    cdef const float *t = NULL
    for row in range(start, stop):
        if find_target(task, inputs[1], row, &t, &label):
            output[row] = row_value(task, inputs[0] + row * task.columns, t, label, scratch)
        else:
            failures, output[row] = 1, 0.0
    return failures


cdef int gradient_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Rows [start, stop) of z, targets and scales; 1 where a label names no column."""
    cdef const LossTask *task = <const LossTask *>opaque
    cdef Py_ssize_t row
    cdef int failures = 0
    cdef int32_t label
    cdef const float *t = NULL
    for row in range(start, stop):
        if not find_target(task, inputs[1], row, &t, &label):
            failures = 1
        row_gradient(task, inputs[0] + row * task.columns, t, label, inputs[2][row],
                     output + row * task.columns)
    return failures


cdef class RowLoss(Kernel):
    """What values and gradients have in common; a unit is a row, `rows` of them per image."""

    cdef LossTask task

    def __init__(self, str kind, Py_ssize_t rows, Py_ssize_t columns, float smoothing):
        cdef LossTask *task = &self.task
        if kind not in KINDS:
            raise ValueError(f"loss must be one of {', '.join(KINDS)}. Received {kind!r}.")
        task.kernels = active_kernels()
        task.softplus = activation_named(task.kernels, "softplus")
        task.sigmoid = activation_named(task.kernels, "sigmoid")
        task.kind, task.columns = KINDS[kind], columns
        task.keep = 1 - smoothing
        task.add = smoothing / (2 if kind == "binary" else columns)
        self.step.task = task
        self.step.units = rows
        self.step.scratch = columns
        self.step.work = 16.0 * rows * columns


cdef class LossValue(RowLoss):
    """The loss of each row."""

    def __init__(self, str kind, Py_ssize_t rows, Py_ssize_t columns, float smoothing):
        RowLoss.__init__(self, kind, rows, columns, smoothing)
        self.step.run = value_block

    def run(self, const float[:, ::1] inputs, targets, float[::1] outputs) -> bool:
        """Fill outputs (rows,); False where a label names no column."""
        cdef const float *pointers[2]
        cdef Scratch scratch = Scratch(self, 1)
        if inputs.shape[0] == 0:
            return True
        pointers[0], pointers[1] = &inputs[0, 0], <const float *>address(targets)
        return value_block(&self.task, pointers, &outputs[0], scratch.floats, 0,
                           inputs.shape[0]) == 0


cdef class LossGradient(RowLoss):
    """The gradient of each row's loss, times the row's scale."""

    def __init__(self, str kind, Py_ssize_t rows, Py_ssize_t columns, float smoothing):
        RowLoss.__init__(self, kind, rows, columns, smoothing)
        self.step.run = gradient_block

    def run(self, const float[:, ::1] inputs, targets, const float[::1] scales,
            float[:, ::1] outputs) -> bool:
        """Fill outputs (rows, columns); False where a label names no column."""
        cdef const float *pointers[3]
        if inputs.shape[0] == 0:
            return True
        pointers[0], pointers[1] = &inputs[0, 0], <const float *>address(targets)
        pointers[2] = &scales[0]
        return gradient_block(&self.task, pointers, &outputs[0, 0], NULL, 0,
                              inputs.shape[0]) == 0


cdef const void *address(targets) except NULL:
    """Return where labels (rows,) or targets (rows, columns), one at least, lie."""
    cdef const int32_t[::1] labels
    cdef const float[:, ::1] floats
    if targets.ndim == 1:
        labels = targets
        return &labels[0]
    floats = targets
    return &floats[0, 0]
