"""Runs a plan: the one parallel region of a prediction.

A program is a list of steps over buffers. Large batches are cut into groups of images, and a
thread takes a group through all steps depth-first in an arena of its own, so that what one step
writes the next one reads from L2 and no thread waits for another. With fewer images than
threads, the threads share each step's units instead, with a barrier between steps. Either way a
unit is computed by the same code on the same values: results do not depend on threads.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cython.parallel cimport prange, threadid
from libc.stdlib cimport calloc, free

from cnnfast._kernels import team
from cnnfast._kernels.step cimport (
    Kernel, Step, allocate_floats, padded_floats, release_floats,
)

# A group's buffers share half of a 1 MB L2 with the weights that stream through it.
cdef Py_ssize_t GROUP_FLOATS = 128 * 1024
# Beyond this many images a group only grows the arena; per-step cost is spread already.
cdef Py_ssize_t LARGEST_GROUP = 64
# Waking a team takes some 5 microseconds; two cores finish this much work in about 20.
cdef double SERIAL_WORK = 2e6

cdef enum Place:
    INPUT
    OUTPUT
    ARENA

cdef struct Slot:
    Place place
    Py_ssize_t index        # which input or output; in the arena: floats before it, per image
    Py_ssize_t floats       # per image

cdef struct Planned:
    Step step
    Slot output
    Py_ssize_t inputs
    Slot *slots             # of the inputs

cdef struct Call:
    # Where one call's data lie.
    char **inputs
    char **outputs
    float *arena            # of the group being done


cdef Slot parse_slot(tuple slot) except *:
    cdef Slot parsed
    place, parsed.index, parsed.floats = slot
    parsed.place = {"input": INPUT, "output": OUTPUT, "arena": ARENA}[place]
    return parsed


cdef float *address(Slot slot, Call call, Py_ssize_t image, Py_ssize_t group) noexcept nogil:
    """Return where the group of images that begins at `image` lies in a buffer."""
    if slot.place == INPUT:
        return <float *>call.inputs[slot.index] + image * slot.floats
    if slot.place == OUTPUT:
        return <float *>call.outputs[slot.index] + image * slot.floats
    return call.arena + slot.index * group


cdef class Arena:
    """Memory of one call: for each thread a table of input pointers, scratch and buffers."""

    cdef float *floats
    cdef Py_ssize_t count

    def __cinit__(self, Py_ssize_t count):
        self.count = count
        self.floats = allocate_floats(count)
        if self.floats == NULL:
            raise MemoryError(f"cannot allocate an arena of {count * 4} bytes")

    def __dealloc__(self):
        release_floats(self.floats)


cdef class Program:
    """Steps bound to buffers, ready to run on any number of images.

    Args:
        steps: (kernel, input slots, output slot) in order; a slot is (place, index, floats) with
            place "input", "output" or "arena".
        inputs: floats per image of each input array.
        outputs: floats per image of each output array.
        arena: floats per image of all arena buffers.
    """

    cdef Planned *planned
    cdef Py_ssize_t count
    cdef list kernels               # keeps packed constants alive
    cdef tuple inputs, outputs
    cdef Py_ssize_t arena_floats, scratch_floats, table_floats, group
    cdef list idle                  # arenas not in use
    cdef readonly double work       # per image

    def __cinit__(self, list steps, tuple inputs, tuple outputs, Py_ssize_t arena):
        self.count = len(steps)
        self.planned = <Planned *>calloc(max(1, self.count), sizeof(Planned))
        if self.planned == NULL:
            raise MemoryError("cannot allocate the steps of a plan")
        self.kernels = [step[0] for step in steps]
        self.inputs, self.outputs, self.arena_floats = inputs, outputs, arena
        self.idle = []
        for index, (kernel, slots, output) in enumerate(steps):
            self.bind(index, kernel, slots, output)
        self.table_floats = padded_floats(self.table_floats)
        self.scratch_floats = padded_floats(self.scratch_floats)
        largest = max(arena, *inputs, *outputs, 1)
        self.group = min(max(GROUP_FLOATS // largest, 1), LARGEST_GROUP)

    cdef int bind(self, Py_ssize_t position, Kernel kernel, tuple slots, tuple output) except -1:
        """Fill one step and widen what all steps share."""
        cdef Planned *planned = &self.planned[position]
        planned.step = kernel.step
        planned.output = parse_slot(output)
        planned.inputs = len(slots)
        planned.slots = <Slot *>calloc(max(1, planned.inputs), sizeof(Slot))
        if planned.slots == NULL:
            raise MemoryError("cannot allocate the steps of a plan")
        for index in range(planned.inputs):
            planned.slots[index] = parse_slot(slots[index])
        self.table_floats = max(self.table_floats, 2 * planned.inputs)
        self.scratch_floats = max(self.scratch_floats, kernel.step.scratch)
        self.work += kernel.step.work
        return 0

    def __dealloc__(self):
        if self.planned != NULL:
            for index in range(self.count):
                free(self.planned[index].slots)
        free(self.planned)

    def run(self, list inputs, list outputs, Py_ssize_t images, int threads):
        """Fill outputs from inputs.

        Args:
            inputs: one C-contiguous array of `images` images for each input, of 4-byte items.
            outputs: the same for each output, writable.
            images: how many.
            threads: how many to use at most.

        Returns:
            False where an index lay outside its table (outputs are then meaningless).
        """
        cdef Py_buffer views[16]
        cdef char *pointers[16]
        cdef Py_ssize_t held = 0, given = len(self.inputs)
        cdef Call call
        if given + len(self.outputs) > 16:
            raise ValueError(
                f"a model can have at most 16 inputs and outputs. "
                f"Received {given} inputs and {len(self.outputs)} outputs.")
        call.inputs, call.outputs, call.arena = pointers, pointers + given, NULL
        try:
            for array, floats in zip(inputs, self.inputs, strict=True):
                held = hold(array, PyBUF_C_CONTIGUOUS, images * floats * 4, views, pointers, held)
            for array, floats in zip(outputs, self.outputs, strict=True):
                held = hold(array, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE, images * floats * 4,
                            views, pointers, held)
            return self.dispatch(call, images, threads) == 0
        finally:
            while held:
                held -= 1
                PyBuffer_Release(&views[held])

    cdef int dispatch(self, Call call, Py_ssize_t images, int threads) except -1:
        """Choose between serial, image-parallel and unit-parallel, and run."""
        cdef int claimed = 1, failures
        if images == 0 or self.count == 0:
            return 0
        if threads > 1 and self.work * images > SERIAL_WORK:
            claimed = team.claim(threads)
        try:
            if claimed == 1:
                failures = self.run_serial(call, images)
            elif images < claimed:
                failures = self.run_units(call, images, claimed)
            else:
                failures = self.run_groups(call, images, claimed)
        finally:
            if claimed > 1:
                team.release()
        return failures

    cdef Arena borrow(self, Py_ssize_t count):
        """Take an idle arena that is large enough, or make one."""
        cdef Arena arena
        try:
            arena = self.idle.pop()
        except IndexError:
            return Arena(count)
        return arena if arena.count >= count else Arena(count)

    cdef int run_serial(self, Call call, Py_ssize_t images) except -1:
        cdef Py_ssize_t group = min(self.group, images), first = 0
        cdef Py_ssize_t private = self.table_floats + self.scratch_floats
        cdef Arena arena = self.borrow(private + self.arena_floats * group)
        cdef int failures = 0
        call.arena = arena.floats + private
        with nogil:
            while first < images:
                failures |= self.walk(call, arena.floats, first, min(group, images - first), group)
                first += group
        self.idle.append(arena)
        return failures

    cdef int run_groups(self, Call call, Py_ssize_t images, int threads) except -1:
        """Each thread takes groups of images through all steps."""
        cdef Py_ssize_t group = min(self.group, (images + threads - 1) // threads)
        cdef Py_ssize_t groups = (images + group - 1) // group, index
        cdef Py_ssize_t private = self.table_floats + self.scratch_floats
        cdef Py_ssize_t stride = padded_floats(private + self.arena_floats * group)
        cdef Arena arena = self.borrow(stride * threads)
        cdef int failures = 0
        for index in prange(groups, nogil=True, num_threads=threads, schedule="dynamic"):
            failures |= self.walk_group(call, arena.floats + threadid() * stride, private,
                                        index * group, min(group, images - index * group), group)
        self.idle.append(arena)
        return failures

    cdef int walk_group(self, Call call, float *own, Py_ssize_t private, Py_ssize_t first,
                        Py_ssize_t images, Py_ssize_t group) noexcept nogil:
        """Take one group through all steps in the thread's own arena."""
        call.arena = own + private
        return self.walk(call, own, first, images, group)

    cdef int walk(self, Call call, float *own, Py_ssize_t first, Py_ssize_t images,
                  Py_ssize_t group) noexcept nogil:
        """Do all steps for images [first, first + images)."""
        cdef Py_ssize_t index
        cdef int failures = 0
        cdef Planned *planned
        for index in range(self.count):
            planned = &self.planned[index]
            failures |= self.do_units(planned, call, own, first, group,
                                      0, images * planned.step.units)
        return failures

    cdef int do_units(self, Planned *planned, Call call, float *own, Py_ssize_t first,
                      Py_ssize_t group, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
        """Do units [start, stop) of one step for the group that begins at image `first`."""
        cdef const float **table = <const float **>own
        cdef Py_ssize_t index
        for index in range(planned.inputs):
            table[index] = address(planned.slots[index], call, first, group)
        return planned.step.run(planned.step.task, table,
                                address(planned.output, call, first, group),
                                own + self.table_floats, start, stop)

    cdef int run_units(self, Call call, Py_ssize_t images, int threads) except -1:
        """All threads share the units of each step; a barrier stands between steps."""
        cdef Py_ssize_t private = self.table_floats + self.scratch_floats
        cdef Arena arena = self.borrow(private * threads + self.arena_floats * images)
        cdef Py_ssize_t index, chunk, units
        cdef int failures = 0
        cdef Planned *planned
        call.arena = arena.floats + private * threads
        for index in range(self.count):
            planned = &self.planned[index]
            units = images * planned.step.units
            for chunk in prange(threads, nogil=True, num_threads=threads, schedule="static"):
                failures |= self.do_units(planned, call, arena.floats + threadid() * private, 0,
                                          images, units * chunk // threads,
                                          units * (chunk + 1) // threads)
        self.idle.append(arena)
        return failures


cdef Py_ssize_t hold(object array, int flags, Py_ssize_t size, Py_buffer *views, char **pointers,
                     Py_ssize_t held) except -1:
    """Take hold of an array's memory and return how many are held now."""
    PyObject_GetBuffer(array, &views[held], flags)
    pointers[held] = <char *>views[held].buf
    if views[held].len != size:
        received = views[held].len
        PyBuffer_Release(&views[held])
        raise ValueError(f"a plan's array must hold {size} bytes. Received {received} bytes.")
    return held + 1
