"""Lanes: a chain of operations with one image in each lane of a vector.

Layout: a block of 1 or BLOCK_VECTORS vectors of images is interleaved into scratch, taken through
all stages between two buffers that stay in L1 or L2, and written back. Channels that are too few
to fill a vector waste nothing: every vector is full of images.

A lane without an image holds zeros, and no lane looks at another: results do not depend on which
images share a block. Fewer images than pay for a block go through the same operations with channels
in the lanes, whose sums are chains in the same order: the results are the same too.
"""

from cython.parallel cimport prange, threadid
from libc.stdlib cimport calloc, free

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport BLOCK_VECTORS, Kernels
from cnnfast._kernels.stages cimport Stage, StageStep
from cnnfast._kernels.step cimport Kernel, Scratch, Step, chunks_of, padded_floats, prefetch_floats

# Interleaved buffers larger than this (64 KB, two of L1) are made for one vector of images.
cdef Py_ssize_t BLOCK_FLOATS = 16 * 1024

cdef struct LanesTask:
    const Kernels *kernels
    const StageStep *stages
    Py_ssize_t count        # stages
    Py_ssize_t inputs, outputs
    Py_ssize_t vectors      # of images in a large block
    Py_ssize_t second       # floats before the second buffer
    Py_ssize_t few          # fewer images than this have channels in the lanes
    const Step *alone       # their operations
    Py_ssize_t operations   # how many there are
    Py_ssize_t largest      # floats of the largest value between them
    Py_ssize_t alone_scratch        # floats before their own scratch


cdef void block_of_images(
        const LanesTask *task, const float *x, float *y, float *scratch, Py_ssize_t images,
        Py_ssize_t vectors) noexcept nogil:
    """Do up to `vectors` vectors of images."""
    cdef Py_ssize_t lanes = task.kernels.lanes, width = vectors * lanes, v, i
    cdef float *here = scratch
    cdef float *there = scratch + task.second * vectors
    for v in range(vectors):
        task.kernels.interleave(x + v * lanes * task.inputs,
                                max(0, min(lanes, images - v * lanes)), task.inputs,
                                here + v * lanes, width)
    for i in range(task.count):
        if task.stages[i].in_place:
            task.stages[i].run(task.stages[i].task, here, here, vectors)
        else:
            task.stages[i].run(task.stages[i].task, here, there, vectors)
            here, there = there, here
    for v in range(min(vectors, (images + lanes - 1) // lanes)):
        task.kernels.deinterleave(here + v * lanes, width, task.outputs,
                                  y + v * lanes * task.outputs, min(lanes, images - v * lanes))


cdef void few_images(
        const LanesTask *task, const float *x, float *y, float *scratch,
        Py_ssize_t images) noexcept nogil:
    """Take images through the operations with channels in the lanes."""
    cdef const float *read = x
    cdef float *write = scratch
    cdef float *other = scratch + task.largest * task.few
    cdef Py_ssize_t i
    for i in range(task.operations):
        if i + 1 == task.operations:
            write = y
        task.alone[i].run(task.alone[i].task, &read, write, scratch + task.alone_scratch, 0,
                          images * task.alone[i].units)
        read = write
        write, other = other, write


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Images [start, stop)."""
    cdef const LanesTask *task = <const LanesTask *>opaque
    cdef Py_ssize_t lanes = task.kernels.lanes, left, vectors
    while start < stop:
        left = stop - start
        if left < task.few:
            few_images(task, inputs[0] + start * task.inputs, output + start * task.outputs,
                       scratch, left)
            return 0
        vectors = task.vectors if left > 2 * lanes else 1
        left = min(left, vectors * lanes)
        prefetch_floats(inputs[0] + (start + left) * task.inputs,
                        min(stop - start - left, left) * task.inputs)
        block_of_images(task, inputs[0] + start * task.inputs, output + start * task.outputs,
                        scratch, left, vectors)
        start += left
    return 0


cdef class Lanes(Kernel):
    """A chain of stages; a unit is an image.

    Args:
        inputs: values per image.
        stages: the chain on interleaved images.
        alone: the same operations with channels in the lanes, as (kernel, floats it writes).
        few: fewer images than this go through `alone`.
    """

    cdef LanesTask task
    cdef list stages, alone         # keep packed constants alive
    cdef StageStep *stage_steps
    cdef Step *steps

    def __dealloc__(self):
        free(self.stage_steps)
        free(self.steps)

    def __init__(self, Py_ssize_t inputs, list stages, list alone, Py_ssize_t few):
        cdef LanesTask *task = &self.task
        cdef Py_ssize_t vectors, lanes, floats
        task.kernels = active_kernels()
        task.inputs, task.few = inputs, few
        self.stages, self.alone = stages, alone
        first, second = self.bind_stages(stages)
        lanes = task.kernels.lanes
        vectors = BLOCK_VECTORS
        task.vectors = vectors if (first + second) * lanes * vectors <= BLOCK_FLOATS else 1
        task.second = first * lanes
        floats = (first + second) * lanes * task.vectors
        self.step.scratch = max(floats, self.bind_alone(alone))
        self.step.run = block
        self.step.task = task
        self.step.units = 1

    cdef tuple bind_stages(self, list stages):
        """List the stages; return how many values each of the two buffers must hold."""
        cdef LanesTask *task = &self.task
        cdef Stage stage
        sizes, here = [task.inputs, 0], 0
        task.count = len(stages)
        self.stage_steps = <StageStep *>calloc(task.count, sizeof(StageStep))
        if self.stage_steps == NULL:
            raise MemoryError("cannot allocate the stages of a chain")
        for i in range(task.count):
            stage = stages[i]
            self.stage_steps[i] = stage.step
            here = here if stage.step.in_place else 1 - here
            sizes[here] = max(sizes[here], stage.step.outputs)
            task.outputs = stage.step.outputs
        task.stages = self.stage_steps
        return tuple(sizes)

    cdef Py_ssize_t bind_alone(self, list alone) except -1:
        """List the operations for single images; return the floats of scratch they need."""
        cdef LanesTask *task = &self.task
        cdef Py_ssize_t i, scratch = 0
        cdef Kernel kernel
        task.operations = len(alone)
        self.steps = <Step *>calloc(task.operations, sizeof(Step))
        if self.steps == NULL:
            raise MemoryError("cannot allocate the operations of a chain")
        for i in range(task.operations):
            kernel, floats = alone[i]
            self.steps[i] = kernel.step
            task.largest = max(task.largest, padded_floats(floats))
            scratch = max(scratch, kernel.step.scratch)
            self.step.work += kernel.step.work
        task.alone = self.steps
        task.alone_scratch = 2 * task.largest * task.few
        return task.alone_scratch + scratch

    def run(self, const float[:, ::1] inputs, float[:, ::1] outputs, int threads):
        """Take all images of inputs (N, values) through the chain into outputs (N, values)."""
        cdef Py_ssize_t images = inputs.shape[0]
        cdef Py_ssize_t chunk, chunks = chunks_of(images, threads)
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *x
        if images == 0:
            return
        x = &inputs[0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            block(&self.task, &x, &outputs[0, 0],
                  scratch.floats + threadid() * scratch.stride,
                  images * chunk // chunks, images * (chunk + 1) // chunks)
