"""Runs a plan: the one parallel region of a prediction.

A program is a list of steps over buffers, cut into segments. In a segment a thread takes a group
of images through all steps depth-first in an arena of its own, so that what one step writes the
next one reads from L2 and no thread waits for another. How many images a group has is the
segment's own: one where images are large, many where weights are. Threads meet between
segments. What goes from one segment to the next lies in memory that all of them share, and so
that it stays bounded, large batches come in waves of some images that go through all segments.

What cannot be spread over groups is shared: all threads do each step together, each some of its
units (or, where those are few, of its panels of filters), and meet after it. So are the images
that are left where the threads cannot get equally many, and steps with huge weights. Either way
a unit is computed by the same code on the same values: results do not depend on threads.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cython.parallel cimport parallel
from libc.stdlib cimport calloc, free

from cnnfast._kernels import team
from cnnfast._kernels.step cimport (
    Kernel, Step, allocate_floats, padded_floats, release_floats,
)

cdef extern from "team.h" nogil:
    int team_size() noexcept
    int team_place() noexcept
    void team_meet() noexcept
    Py_ssize_t team_take(Py_ssize_t *counter) noexcept

# Values between segments, of the images of a wave: 64 MB, less than what peers keep for a batch.
cdef Py_ssize_t WAVE_FLOATS = 16 * 1024 * 1024
# Waking a team takes some 5 microseconds; two cores finish this much work in about 20.
cdef double SERIAL_WORK = 2e6
# Meeting takes a microsecond or two: steps are shared that take ten times as long on average.
cdef double SHARED_WORK = 1e6

# Beyond this many images a group only grows its arena: the cost of a step's call is spread.
LARGEST_GROUP = 64

cdef enum Place:
    INPUT
    OUTPUT
    WAVE
    ARENA

cdef struct Slot:
    Place place
    Py_ssize_t index        # which input or output; otherwise: floats before it, per image
    Py_ssize_t floats       # per image
    Py_ssize_t first        # floats before it: it is a part of another

cdef struct Planned:
    Step step
    Slot output
    Py_ssize_t inputs
    Slot *slots             # of the inputs

cdef struct Segment:
    Py_ssize_t first, stop  # steps
    Py_ssize_t group        # images that a thread takes through them at a time; 0: shared
    Py_ssize_t arena        # floats per image of values that stay inside
    bint sharable           # steps are long enough to be shared

cdef struct Call:
    # One call, as all its threads see it.
    char **inputs
    char **outputs
    Py_ssize_t images
    Py_ssize_t wave         # images of a wave
    float *between          # values between segments, of a wave
    float *common           # arena of images that threads share
    float *own              # each thread's table of input pointers, scratch and arena
    Py_ssize_t stride       # from one thread's to the next
    Py_ssize_t taken        # groups
    Py_ssize_t failed       # threads that met an index outside its table

cdef struct Group:
    # Images that go through some steps together: where they and their arena are.
    Py_ssize_t wave         # image that the wave begins with
    Py_ssize_t first        # counted from there
    Py_ssize_t images
    float *arena
    Py_ssize_t room         # images that the arena's buffers have room for


cdef Slot parse_slot(tuple slot) except *:
    cdef Slot parsed
    place, parsed.index, parsed.floats, parsed.first = slot if len(slot) == 4 else (*slot, 0)
    parsed.place = {"input": INPUT, "output": OUTPUT, "wave": WAVE, "arena": ARENA}[place]
    return parsed


cdef float *address(Slot slot, const Call *call, Group group) noexcept nogil:
    """Return where a group of images lies in a buffer."""
    cdef char **arrays = call.inputs if slot.place == INPUT else call.outputs
    cdef Py_ssize_t before = slot.first + group.first * slot.floats
    if slot.place == ARENA:
        return group.arena + slot.index * group.room + slot.first
    if slot.place == WAVE:
        return call.between + slot.index * call.wave + before
    return <float *>arrays[slot.index] + group.wave * slot.floats + before


cdef Py_ssize_t up(Py_ssize_t count, Py_ssize_t divisor) noexcept nogil:
    return (count + divisor - 1) // divisor


cdef Py_ssize_t even_group(Py_ssize_t images, Py_ssize_t largest, int threads) noexcept nogil:
    """Return a size of groups that gives threads equally many of about equal size."""
    cdef Py_ssize_t each = up(images, threads)
    return up(each, up(each, largest)) if images else 1


cdef class Arena:
    """Memory of one call, in floats."""

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
        steps: (kernel, input slots, output slot) in order; a slot is (place, index, floats) and
            `first` unless 0, its place "input", "output", "wave" (between segments) or "arena".
        inputs: floats per image of each input array.
        outputs: floats per image of each output array.
        wave: floats per image of the buffers between segments.
        segments: (number of steps, images of a group or 0 to share, floats per image of the
            arena) of each, in order; together all steps. None for one that needs no arena.
    """

    cdef Planned *planned
    cdef Segment *segments
    cdef Py_ssize_t count, segment_count
    cdef list kernels               # keeps packed constants alive
    cdef tuple inputs, outputs
    cdef Py_ssize_t wave_floats, scratch_floats, table_floats
    cdef bint sharable              # some segment is
    cdef list idle                  # arenas not in use
    cdef readonly double work       # per image

    def __cinit__(self, list steps, tuple inputs, tuple outputs, Py_ssize_t wave,
                  list segments=None):
        if segments is None:
            segments = [(len(steps), LARGEST_GROUP, 0)]
        self.count, self.segment_count = len(steps), len(segments)
        self.planned = <Planned *>calloc(max(1, self.count), sizeof(Planned))
        self.segments = <Segment *>calloc(max(1, self.segment_count), sizeof(Segment))
        if self.planned == NULL or self.segments == NULL:
            raise MemoryError("cannot allocate the steps of a plan")
        self.kernels = [step[0] for step in steps]
        self.inputs, self.outputs, self.wave_floats = inputs, outputs, wave
        self.idle = []
        for index, (kernel, slots, output) in enumerate(steps):
            self.bind(index, kernel, slots, output)
        self.table_floats = padded_floats(self.table_floats)
        self.scratch_floats = padded_floats(self.scratch_floats)
        self.cut(segments)

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

    cdef int cut(self, list segments) except -1:
        """Fill the segments."""
        cdef Segment *segment
        cdef Py_ssize_t first = 0, index, step
        cdef double work
        for index, (steps, group, arena) in enumerate(segments):
            segment = &self.segments[index]
            segment.first, segment.stop = first, first + steps
            segment.group, segment.arena = group, arena
            work = 0
            for step in range(segment.first, segment.stop):
                work += self.planned[step].step.work
            segment.sharable = group == 0 or work > SHARED_WORK * steps
            self.sharable = self.sharable or segment.sharable
            first = segment.stop
        if first != self.count:
            raise ValueError(f"segments hold {first} of {self.count} steps")
        return 0

    def __dealloc__(self):
        if self.planned != NULL:
            for index in range(self.count):
                free(self.planned[index].slots)
        free(self.planned)
        free(self.segments)

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
        cdef Py_ssize_t held = 0, given = len(self.inputs), made = len(self.outputs), index
        cdef Call call
        if given + made > 16:
            raise ValueError(
                f"a model can have at most 16 inputs and outputs. "
                f"Received {given} inputs and {made} outputs.")
        if len(inputs) != given or len(outputs) != made:
            raise ValueError(
                f"a plan expected {given} inputs and {made} outputs. "
                f"Received {len(inputs)} inputs and {len(outputs)} outputs.")
        call.inputs, call.outputs, call.images = pointers, pointers + given, images
        try:
            for index in range(given):
                held = hold(inputs[index], PyBUF_C_CONTIGUOUS,
                            images * <Py_ssize_t>self.inputs[index] * 4, views, pointers, held)
            for index in range(made):
                held = hold(outputs[index], PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE,
                            images * <Py_ssize_t>self.outputs[index] * 4, views, pointers, held)
            return self.dispatch(call, threads) == 0
        finally:
            while held:
                held -= 1
                PyBuffer_Release(&views[held])

    cdef int dispatch(self, Call call, int threads) except -1:
        """Choose how many threads, and run."""
        cdef int claimed = 1
        if call.images == 0 or self.count == 0:
            return 0
        if not self.sharable:
            threads = min(threads, call.images)
        if threads > 1 and self.work * call.images > SERIAL_WORK:
            claimed = team.claim(threads)
        try:
            return self.run_team(call, claimed) != 0
        finally:
            if claimed > 1:
                team.release()

    cdef Py_ssize_t run_team(self, Call call, int threads) except -1:
        """Lay out the call's memory and take all images through all segments."""
        cdef Py_ssize_t own = 0, common = 0, index
        cdef Arena arena
        call.wave = self.wave_of(call.images, threads)
        call.taken, call.failed = 0, 0
        for index in range(self.segment_count):
            own = max(own, self.segments[index].arena
                      * min(call.wave, self.segments[index].group))
            if threads > 1 and self.segments[index].sharable:
                common = max(common, self.segments[index].arena
                             * min(threads - 1, call.images))
        call.stride = padded_floats(self.table_floats + self.scratch_floats + own)
        arena = self.borrow(call.stride * threads + common + self.wave_floats * call.wave)
        call.own, call.common = arena.floats, arena.floats + call.stride * threads
        call.between = call.common + common
        if threads == 1:
            with nogil:
                self.walk(&call, 0, 1)
        else:
            with nogil, parallel(num_threads=threads):
                self.walk(&call, team_place(), team_size())
        self.idle.append(arena)
        return call.failed

    cdef Py_ssize_t wave_of(self, Py_ssize_t images, int threads) noexcept nogil:
        """Return how many images go through all segments together: all where memory allows."""
        cdef Py_ssize_t most = images, waves
        if self.wave_floats:
            most = max(1, WAVE_FLOATS // self.wave_floats // threads) * threads
        waves = up(images, most)
        return min(images, up(up(images, waves), threads) * threads)

    cdef Arena borrow(self, Py_ssize_t count):
        """Take an idle arena that is large enough, or make one."""
        cdef Arena arena
        try:
            arena = self.idle.pop()
        except IndexError:
            return Arena(count)
        return arena if arena.count >= count else Arena(count)

    cdef void walk(self, Call *call, int thread, int threads) noexcept nogil:
        """Do one thread's part of everything."""
        cdef Py_ssize_t index, taken = 0
        cdef int failures = 0
        cdef Group group
        group.wave = 0
        while group.wave < call.images:
            for index in range(self.segment_count):
                if threads > 1 and group.wave + index > 0:
                    team_meet()
                group.images = min(call.wave, call.images - group.wave)
                failures |= self.do_segment(&self.segments[index], call, group, &taken, thread,
                                            threads)
            group.wave += call.wave
        if failures:
            team_take(&call.failed)

    cdef int do_segment(self, const Segment *segment, Call *call, Group group,
                        Py_ssize_t *taken, int thread, int threads) noexcept nogil:
        """Do one thread's part of a segment for a wave: first groups, then what is shared."""
        cdef Py_ssize_t images = group.images, groups, whole = images, index
        cdef float *own = call.own + thread * call.stride
        cdef int failures = 0
        if threads > 1 and segment.sharable:
            whole = images - images % threads if segment.group else 0
        # Alone with a shared step, a thread takes all images: they read its weights once.
        group.room = even_group(whole, segment.group or images, threads)
        group.arena = own + self.table_floats + self.scratch_floats
        groups = up(whole, group.room)
        # All threads count alike: each gets one number too many, and then they meet.
        index = team_take(&call.taken) - taken[0]
        while index < groups:
            group.first = index * group.room
            group.images = min(group.room, whole - group.first)
            failures |= self.do_group(segment, call, group, own)
            index = team_take(&call.taken) - taken[0]
        taken[0] += groups + threads
        if whole < images:
            group.first, group.images, group.room = whole, images - whole, images - whole
            group.arena = call.common
            failures |= self.share_group(segment, call, group, own, thread, threads)
        return failures

    cdef int do_group(self, const Segment *segment, const Call *call, Group group,
                      float *own) noexcept nogil:
        """Take a group through all steps of a segment."""
        cdef Py_ssize_t index
        cdef int failures = 0
        for index in range(segment.first, segment.stop):
            failures |= self.do_step(&self.planned[index], call, group, own, 0, 1)
        return failures

    cdef int share_group(self, const Segment *segment, const Call *call, Group group,
                         float *own, int thread, int threads) noexcept nogil:
        """Do one thread's part of each step of a segment."""
        cdef Py_ssize_t index
        cdef int failures = 0
        for index in range(segment.first, segment.stop):
            failures |= self.do_step(&self.planned[index], call, group, own, thread, threads)
            if index + 1 < segment.stop:
                team_meet()
        return failures

    cdef int do_step(self, const Planned *planned, const Call *call, Group group, float *own,
                     int thread, int threads) noexcept nogil:
        """Do one thread's part of a step for a group."""
        cdef const Step *step = &planned.step
        cdef const float **table = <const float **>own
        cdef float *output = address(planned.output, call, group)
        cdef Py_ssize_t index, units = group.images * step.units
        for index in range(planned.inputs):
            table[index] = address(planned.slots[index], call, group)
        if threads > 1 and units < step.few and (step.panels >= threads or units < threads):
            return step.run_panels(step.task, table, output, own + self.table_floats, units,
                                   step.panels * thread // threads,
                                   step.panels * (thread + 1) // threads)
        return step.run(step.task, table, output, own + self.table_floats,
                        units * thread // threads, units * (thread + 1) // threads)


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
