"""Images made smaller or larger pixel by pixel: borders cut off, pixels repeated or blended."""

from cython.parallel cimport prange, threadid
from libc.string cimport memcpy

from cnnfast._kernels.step cimport Kernel, Scratch, block_function, chunks_of

cdef struct CropTask:
    Py_ssize_t H, P         # rows of the input, of the output
    Py_ssize_t top
    Py_ssize_t row, left    # floats of an input row, and those cut off in front
    Py_ssize_t width        # floats of an output row


cdef int crop_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Output rows [start, stop)."""
    cdef const CropTask *task = <const CropTask *>opaque
    cdef Py_ssize_t index, row
    for index in range(start, stop):
        row = index // task.P * task.H + task.top + index % task.P
        memcpy(output + index * task.width, inputs[0] + row * task.row + task.left,
               task.width * sizeof(float))
    return 0


cdef int repeat_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Input rows [start, stop): each is widened once and copied, or pixel by pixel as often."""
    cdef const EnlargeTask *task = <const EnlargeTask *>opaque
    cdef Py_ssize_t Q = task.W * task.wide, rows = 1 if task.target == task.C else task.tall
    cdef Py_ssize_t width = Q * task.target, index, q, s
    cdef const float *x
    cdef float *y
    for index in range(start, stop):
        x, y = inputs[0] + index * task.W * task.C, output + index * task.tall * width
        for q in range(rows * Q):
            memcpy(y + q * task.target, x + q % Q // task.wide * task.C, task.C * sizeof(float))
        for s in range(rows, task.tall):
            memcpy(y + s * width, y, width * sizeof(float))
    return 0


cdef Between between(Py_ssize_t place, Py_ssize_t factor, Py_ssize_t length) noexcept nogil:
    """Find the neighbours of (place + 1/2) / factor - 1/2, exact in integers; edges repeat."""
    cdef Between found
    cdef Py_ssize_t halves = 2 * place + 1 + factor     # moved up by one pixel
    found.lower, found.upper = halves // (2 * factor) - 1, halves // (2 * factor)
    found.weight = <float>(halves % (2 * factor)) / <float>(2 * factor)
    found.lower, found.upper = max(found.lower, 0), min(found.upper, length - 1)
    return found


cdef void blend(const float *lower, const float *upper, float weight, float *y,
                Py_ssize_t n) noexcept nogil:
    """y = lower + (upper - lower) * weight"""
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = lower[i] + (upper[i] - lower[i]) * weight


cdef int blend_block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Output rows [start, stop): rows are blended into scratch, then its pixels."""
    cdef const EnlargeTask *task = <const EnlargeTask *>opaque
    cdef Py_ssize_t P = task.H * task.tall, Q = task.W * task.wide, C = task.C, index, q
    cdef Py_ssize_t row = task.W * C
    cdef const float *x
    cdef Between rows, columns
    for index in range(start, stop):
        x = inputs[0] + index // P * task.H * row
        rows = between(index % P, task.tall, task.H)
        blend(x + rows.lower * row, x + rows.upper * row, rows.weight, scratch, row)
        for q in range(Q):
            columns = between(q, task.wide, task.W)
            blend(scratch + columns.lower * C, scratch + columns.upper * C, columns.weight,
                  output + (index * Q + q) * task.target, C)
    return 0


cdef class Resizing(Kernel):
    """What the kernels here share: images of floats in, images of floats out."""

    cdef void run_images(
            self, const float[:, ::1] inputs, float[:, ::1] outputs, int threads) except *:
        cdef Py_ssize_t units = inputs.shape[0] * self.step.units
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *x
        if units == 0:
            return
        x = &inputs[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            self.step.run(self.step.task, &x, &outputs[0, 0],
                          scratch.floats + threadid() * scratch.stride,
                          units * chunk // chunks, units * (chunk + 1) // chunks)

    def run(self, const float[:, ::1] inputs, float[:, ::1] outputs, int threads):
        """Do all images of inputs (N, floats) into outputs (N, floats)."""
        self.run_images(inputs, outputs, threads)


cdef class Crop(Resizing):
    """An image without its border; a unit is one output row."""

    cdef CropTask task

    def __init__(self, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C, tuple cropping):
        top, bottom, left, right = cropping
        if min(cropping) < 0 or C < 1 or H - top - bottom < 1 or W - left - right < 1:
            raise ValueError(
                "cropping must leave at least one float of an image. "
                f"Received (H, W, C) = {(H, W, C)} and cropping {cropping}.")
        self.task.H, self.task.P, self.task.top = H, H - top - bottom, top
        self.task.row, self.task.left, self.task.width = W * C, left * C, (W - left - right) * C
        self.step.run = crop_block
        self.step.task = &self.task
        self.step.units = self.task.P
        self.step.work = 8.0 * self.task.P * self.task.width


cdef class Enlarge(Resizing):
    """An image `tall` times as high and `wide` times as wide.

    "nearest" repeats pixels, a unit being one input row; "bilinear" blends the four pixels around
    a point, pixels being points at their centres, a unit being one output row.
    """

    cdef EnlargeTask task

    def __init__(self, str how, Py_ssize_t H, Py_ssize_t W, Py_ssize_t C, tuple factors):
        cdef block_function nearest = repeat_block, bilinear = blend_block
        tall, wide = factors
        if min(H, W, C, tall, wide) < 1 or how not in ("nearest", "bilinear"):
            raise ValueError(
                'enlarging is "nearest" or "bilinear" and takes sizes and factors of at least 1. '
                f"Received {how!r}, (H, W, C) = {(H, W, C)} and factors {factors}.")
        self.task.H, self.task.W, self.task.C, self.task.target = H, W, C, C
        self.target = &self.task.target
        self.task.tall, self.task.wide = tall, wide
        self.step.run = nearest if how == "nearest" else bilinear
        self.step.task = &self.task
        self.step.units = H if how == "nearest" else H * tall
        self.step.scratch = 0 if how == "nearest" else W * C
        self.step.work = 4.0 * H * W * C * (1 + tall * wide)
