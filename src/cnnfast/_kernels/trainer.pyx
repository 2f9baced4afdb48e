"""Runs the steps of training: forward, loss and backward of a batch, into one gradient.

A batch is cut into groups of images, and a thread takes a group through all steps depth-first,
so that what the forward steps wrote is still in its cache when the backward steps read it. Groups
belong to slots in turn; each slot adds up the gradients of its groups in their order, in memory
of its own, and at the end the slots are added in theirs. How many groups and slots there are
depends on the network and the batch: results do not depend on threads.

Where a step needs sums over the whole batch, as batch normalization does, a program has several
phases. Each takes all groups through its steps, into sums in float64 of each slot; behind it these
are added up as gradients are, and a few steps run once for the batch. What is read in a later
phase than it was written in lies in memory for all images.
"""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from cnnfast._kernels.dispatch cimport active_kernels
from cnnfast._kernels.kernels cimport PAIR_add, Kernels
from cnnfast._kernels.region cimport Work
from cnnfast._kernels.region import share
from cnnfast._kernels.step cimport (
    Kernel, Step, allocate_floats, padded_floats, release_floats,
)

cdef enum:
    MOST_ARRAYS = 64

# Waking a team takes some 5 microseconds; two cores finish this much work in about 20.
cdef double SERIAL_WORK = 2e6
# Floats that one thread adds up at a time: those of two slots share an L1.
cdef Py_ssize_t BLOCK = 2048

cdef enum Place:
    INPUT
    OUTPUT
    ARENA
    GRADIENT
    WAVE
    SUM
    MOMENT

cdef struct Slot:
    Place place
    Py_ssize_t index        # which input or output; floats before it, per image in arena and wave
    Py_ssize_t floats       # per image

cdef struct Planned:
    Step step
    Slot output
    Py_ssize_t inputs
    Slot *slots             # of the inputs

cdef struct Phase:
    Py_ssize_t first, border, last      # steps for each group, then steps for the batch
    Py_ssize_t arena                    # floats per image
    Py_ssize_t sums                     # floats of those that are complete behind it
    Py_ssize_t group                    # images

cdef struct Call:
    char **inputs
    char **outputs
    float *arena            # of the group being done
    float *gradient         # of the slot
    float *sums             # of the slot
    const float *totals     # the same, added up
    float *moments
    float *wave             # of the batch
    Py_ssize_t images


PLACES = {
    "input": INPUT, "output": OUTPUT, "arena": ARENA, "gradient": GRADIENT, "wave": WAVE,
    "sum": SUM, "moment": MOMENT,
}


cdef Slot parse_slot(tuple slot) except *:
    cdef Slot parsed
    place, parsed.index, parsed.floats = slot
    parsed.place = PLACES[place]
    return parsed


cdef float *address(Slot slot, const Call *call, Py_ssize_t image, Py_ssize_t group) noexcept nogil:
    """Return where the group of images that begins at `image` lies in a buffer."""
    if slot.place == INPUT:
        return <float *>call.inputs[slot.index] + image * slot.floats
    if slot.place == OUTPUT:
        return <float *>call.outputs[slot.index] + image * slot.floats
    if slot.place == GRADIENT:
        return call.gradient + slot.index
    if slot.place == WAVE:
        return call.wave + slot.index * call.images + image * slot.floats
    if slot.place == SUM:
        return call.sums + slot.index
    if slot.place == MOMENT:
        return call.moments + slot.index
    return call.arena + slot.index * group


cdef class TrainingProgram(Work):
    """Steps bound to buffers, ready to run on any number of images.

    Args:
        steps: (kernel, input slots, output slot) in order; a slot is (place, index, floats) with
            place "input", "output", "arena", "wave", "gradient", "sum" or "moment". Kernels add
            to what they find in a gradient or a sum, which is one of float64.
        phases: (first, border, last, arena, sums): steps for each group, steps for the batch,
            floats per image of the arena buffers, floats of the sums that end up to here.
        inputs: floats per image of each input array.
        outputs: floats per image of each output array.
        wave: floats per image of all wave buffers.
        gradient: floats of the gradient of all weights.
        moments: floats of what steps for the batch fill.
        losses: (output, input) whose products add up to the loss of the batch.
    """

    cdef Planned *planned
    cdef Phase *phases
    cdef Py_ssize_t count, phase_count
    cdef Py_ssize_t wave_floats, scratch_floats, table_floats, gradient_floats, moment_floats
    cdef Py_ssize_t sum_floats
    cdef list kernels               # keeps packed constants alive
    cdef tuple inputs, outputs, losses
    cdef float *memory              # the last call's, for the next
    cdef Py_ssize_t memory_floats
    cdef readonly double work       # per image
    cdef Call call                  # that is being done
    cdef Py_ssize_t slots, stride   # of it; floats of a thread's memory
    cdef float *partials            # gradients of all slots but the first
    cdef const Kernels *vectors

    def __cinit__(self, list steps, tuple phases, tuple inputs, tuple outputs, Py_ssize_t wave,
                  Py_ssize_t gradient, Py_ssize_t moments, tuple losses):
        cdef Phase *phase
        self.count, self.phase_count = len(steps), len(phases)
        self.parts, self.vectors = self.phase_count + 1, active_kernels()
        self.planned = <Planned *>calloc(max(1, self.count), sizeof(Planned))
        self.phases = <Phase *>calloc(max(1, self.phase_count), sizeof(Phase))
        if self.planned == NULL or self.phases == NULL:
            raise MemoryError("cannot allocate the steps of a plan")
        if len(inputs) + len(outputs) > MOST_ARRAYS:
            raise ValueError(
                f"a model that trains can have at most {MOST_ARRAYS} inputs, targets and outputs."
                f" Received {len(inputs)} and {len(outputs)}.")
        self.kernels = [step[0] for step in steps]
        self.inputs, self.outputs, self.losses = inputs, outputs, losses
        self.wave_floats, self.gradient_floats, self.moment_floats = wave, gradient, moments
        for index, given in enumerate(phases):
            phase = &self.phases[index]
            phase.first, phase.border, phase.last, phase.arena, phase.sums = given
            self.sum_floats = phase.sums
        for index, (kernel, slots, output) in enumerate(steps):
            self.bind(index, kernel, slots, output)
        self.table_floats = padded_floats(self.table_floats)
        self.scratch_floats = padded_floats(self.scratch_floats)

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
        free(self.phases)
        release_floats(self.memory)

    def run(self, list inputs, list outputs, float[::1] gradient, float[::1] moments,
            Py_ssize_t images, tuple groups, Py_ssize_t slots, int threads, before=(), behind=()):
        """Fill outputs and the gradient. Not for two Python threads at once.

        Args:
            inputs: one C-contiguous array of `images` images for each input, of 4-byte items.
            outputs: the same for each output, writable.
            gradient: filled with the sum over all images.
            moments: filled by steps for the batch.
            images: how many, at least 1.
            groups: images that a thread takes through the steps of each phase together.
            slots: sums that are kept apart until the end.
            threads: how many to use at most.
            before: works that are done first, in the same parallel region.
            behind: works that are done last, but not if an index lay outside its table.

        Returns:
            The loss of the batch, or None where an index lay outside its table.
        """
        cdef Py_buffer views[MOST_ARRAYS]
        cdef char *pointers[MOST_ARRAYS]
        cdef Py_ssize_t held = 0, given = len(self.inputs)
        if gradient.shape[0] != self.gradient_floats:
            raise ValueError(
                f"the gradient has {self.gradient_floats} floats. Received {gradient.shape[0]}.")
        if moments.shape[0] != self.moment_floats:
            raise ValueError(
                f"there are {self.moment_floats} floats of moments. Received {moments.shape[0]}.")
        self.call.inputs, self.call.outputs = pointers, pointers + given
        self.call.arena, self.call.images = NULL, images
        self.call.gradient = &gradient[0] if gradient.shape[0] else NULL
        self.call.moments = &moments[0] if moments.shape[0] else NULL
        self.slots = min(slots, self.cut(groups))
        try:
            for array, floats in zip(inputs, self.inputs, strict=True):
                held = hold(array, PyBUF_C_CONTIGUOUS, images * floats * 4, views, pointers, held)
            for array, floats in zip(outputs, self.outputs, strict=True):
                held = hold(array, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE, images * floats * 4,
                            views, pointers, held)
            return self.loss() if share([*before, self, *behind], threads) else None
        finally:
            while held:
                held -= 1
                PyBuffer_Release(&views[held])

    cdef Py_ssize_t cut(self, tuple groups):
        """Note how images are grouped, and count the groups of the phase that has most."""
        cdef Py_ssize_t most = 1, index
        for index in range(self.phase_count):
            self.phases[index].group = groups[index]
            most = max(most, groups_of(&self.phases[index], self.call.images))
        return most

    cdef double loss(self) noexcept:
        """Add up what the samples contribute, in their order."""
        cdef double total = 0.0
        cdef Py_ssize_t index, value, scale
        for value, scale in self.losses:
            for index in range(self.call.images * <Py_ssize_t>self.inputs[scale]):
                total += (<double>(<float *>self.call.outputs[value])[index]
                          * (<float *>self.call.inputs[scale])[index])
        return total

    # ---- a part for each phase, and one that adds the slots up

    cdef bint is_large(self) noexcept:
        return self.slots > 1 and self.work * self.call.images > SERIAL_WORK

    cdef int prepare(self, int threads) except -1:
        """Lay out the memory."""
        cdef Py_ssize_t arena = 0, index
        cdef Py_ssize_t others = padded_floats(self.gradient_floats) * (self.slots - 1)
        for index in range(self.phase_count):
            arena = max(arena, self.phases[index].arena * self.phases[index].group)
        self.stride = padded_floats(self.table_floats + self.scratch_floats + arena)
        self.reserve(self.stride * threads + others + self.sum_floats * self.slots
                     + self.wave_floats * self.call.images)
        self.partials = self.memory + self.stride * threads
        self.call.sums = self.partials + others
        self.call.wave = self.call.sums + self.sum_floats * self.slots
        self.call.totals = self.call.sums
        return 0

    cdef Py_ssize_t units(self, Py_ssize_t part) noexcept:
        if part < self.phase_count:
            return self.slots
        return (self.gradient_floats + BLOCK - 1) // BLOCK if self.slots > 1 else 0

    cdef int do_unit(self, Py_ssize_t part, Py_ssize_t unit, int thread) noexcept nogil:
        if part < self.phase_count:
            return self.take_slot(part, unit, self.memory + thread * self.stride)
        self.add_slots(unit * BLOCK, min(BLOCK, self.gradient_floats - unit * BLOCK))
        return 0

    cdef int end_part(self, Py_ssize_t part) noexcept nogil:
        return self.finish_phase(part) if part < self.phase_count else 0

    cdef int reserve(self, Py_ssize_t floats) except -1:
        """Have memory for a call."""
        if floats > self.memory_floats:
            release_floats(self.memory)
            self.memory_floats = 0
            self.memory = allocate_floats(floats)
            if self.memory == NULL:
                raise MemoryError(f"cannot allocate {floats * 4} bytes for a training step")
            self.memory_floats = floats
        return 0

    cdef int take_slot(self, Py_ssize_t index, Py_ssize_t slot, float *own) noexcept nogil:
        """Take every `slots`-th group through a phase; slot 0 adds into the result itself."""
        cdef const Phase *phase = &self.phases[index]
        cdef Py_ssize_t group = slot, groups = groups_of(phase, self.call.images), step, first
        cdef int failures = 0
        cdef Call call = self.call
        call.arena = own + self.table_floats + self.scratch_floats
        if slot > 0:
            call.gradient = self.partials + (slot - 1) * padded_floats(self.gradient_floats)
        call.sums = call.sums + slot * self.sum_floats
        if index == 0:
            memset(call.gradient, 0, self.gradient_floats * sizeof(float))
            memset(call.sums, 0, self.sum_floats * sizeof(float))
        while group < groups:
            first = group * phase.group
            for step in range(phase.first, phase.border):
                failures |= self.do_step(&self.planned[step], &call, own, first, phase.group,
                                         min(phase.group, call.images - first))
            group += self.slots
        return failures

    cdef int finish_phase(self, Py_ssize_t index) noexcept nogil:
        """Add up the sums that end with a phase, and do its steps for the batch."""
        cdef const Phase *phase = &self.phases[index]
        cdef Py_ssize_t first = self.phases[index - 1].sums if index else 0, slot, i, step
        cdef double *totals = <double *>(self.call.sums + first)
        cdef const double *others
        cdef int failures = 0
        for slot in range(1, self.slots):
            others = <const double *>(self.call.sums + slot * self.sum_floats + first)
            for i in range((phase.sums - first) // 2):
                totals[i] += others[i]
        for step in range(phase.border, phase.last):
            failures |= self.do_step(&self.planned[step], &self.call, self.memory, 0, 1, 1)
        return failures

    cdef void add_slots(self, Py_ssize_t first, Py_ssize_t floats) noexcept nogil:
        """Add all slots, in their order, to a part of the first one's gradient."""
        cdef Py_ssize_t slot, partial = padded_floats(self.gradient_floats)
        cdef float *sums = self.call.gradient + first
        for slot in range(1, self.slots):
            self.vectors.pairs[PAIR_add](
                sums, self.partials + (slot - 1) * partial + first, sums, floats)

    cdef int do_step(self, Planned *planned, const Call *call, float *own, Py_ssize_t first,
                     Py_ssize_t group, Py_ssize_t images) noexcept nogil:
        """Do one step for the group that begins at image `first`."""
        cdef const float **table = <const float **>own
        cdef Py_ssize_t index
        for index in range(planned.inputs):
            table[index] = (call.totals + planned.slots[index].index
                            if planned.slots[index].place == SUM
                            else address(planned.slots[index], call, first, group))
        return planned.step.run(planned.step.task, table,
                                address(planned.output, call, first, group),
                                own + self.table_floats, 0, images * planned.step.units)


cdef Py_ssize_t groups_of(const Phase *phase, Py_ssize_t images) noexcept nogil:
    return (images + phase.group - 1) // phase.group


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
