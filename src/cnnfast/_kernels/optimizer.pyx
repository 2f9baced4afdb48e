"""Updates of weights: one pass over weights, gradients and state for each step of an optimizer.

All variables together are cut into units of 1024 floats, whole cache lines. Everything that
happens to a weight in a step (clipping, decay, the rule, the moving average) happens while its
unit is in L1. Sums of squares, which limits of norms need first, are taken unit by unit and
added up in one order, so that no result depends on threads.
"""

from libc.math cimport INFINITY, sqrt
from libc.stdlib cimport calloc, free

from cnnfast._kernels.dispatch cimport active_kernels, states_of_update, update_place
from cnnfast._kernels.kernels cimport Kernels, UPDATE_average, UPDATE_decay
from cnnfast._kernels.region cimport Work
from cnnfast._kernels.region import share
from cnnfast._kernels.step cimport chunks_of

# Waking a team takes some 5 microseconds; one core updates this many units in about 20.
cdef Py_ssize_t SERIAL_UNITS = 64


cdef int update(const Rule *rule, const Item *item, Py_ssize_t start,
                Py_ssize_t stop) noexcept nogil:
    """Do one step for floats [start, stop) of a variable, at most a unit of them."""
    cdef float clipped[UNIT]
    cdef float *state[MOST_STATES]
    cdef const float *gradient = item.gradient + start
    cdef float *weights = item.weights + start
    cdef Py_ssize_t k, n = stop - start
    for k in range(rule.states + (rule.average != NULL)):
        state[k] = item.state[k] + start
    if rule.clip != NULL:
        rule.clip(gradient, clipped, n, item.clip_numbers)
        gradient = clipped
    if rule.decay != NULL and item.decays:
        rule.decay(weights, gradient, state, n, rule.decay_numbers)
    rule.update(weights, gradient, state, n, rule.numbers)
    if rule.average != NULL:
        rule.average(weights, gradient, state + rule.states, n, rule.average_numbers)
    return 0


cdef Py_ssize_t units_of(Py_ssize_t size) noexcept:
    return (size + UNIT - 1) // UNIT


cdef enum Part:
    SQUARES
    UPDATE
    PARTS


cdef class Updates(Work):
    """The variables of one optimizer, with where their gradients and states lie.

    Args:
        rule: name of the update kernel.
        variables: (weights, gradient, states, decays) for each variable: arrays of one size;
            the moving average, if there is one, is the last of the states.
        has_decay: whether weights decay.
        has_average: whether a moving average of the weights is kept.
        norm_limit: largest norm of each gradient; 0 for no limit.
        global_norm_limit: largest norm of all gradients together; 0 for no limit.
        limit: largest absolute value of an element of a gradient; 0 for no limit.
        divisor: what gradients are divided by first.
    """

    def __init__(
            self, str rule, variables, bint has_decay=False, bint has_average=False,
            double norm_limit=0.0, double global_norm_limit=0.0, float limit=0.0,
            float divisor=1.0):
        cdef const Kernels *kernels = active_kernels()
        self.place = update_place(rule)
        self.arrays = tuple(variables)
        self.count, self.parts = len(self.arrays), PARTS
        self.rule.update = kernels.updates[self.place]
        self.rule.states = states_of_update(self.place)
        self.rule.decay = kernels.updates[UPDATE_decay] if has_decay else NULL
        self.rule.average = kernels.updates[UPDATE_average] if has_average else NULL
        self.rule.squares = kernels.squares
        self.norm_limit, self.global_norm_limit = norm_limit, global_norm_limit
        self.needs_norms = norm_limit > 0 or global_norm_limit > 0
        self.limit = limit if limit > 0 else INFINITY
        self.divisor = divisor
        if self.needs_norms or limit > 0 or divisor != 1:
            self.rule.clip = kernels.clip
        self.items = <Item *>calloc(self.count + 1, sizeof(Item))
        if self.items == NULL:
            raise MemoryError(f"cannot allocate {self.count} items")
        for i, (weights, gradient, states, decays) in enumerate(self.arrays):
            self.place_item(&self.items[i], weights, gradient, states, decays)
        self.sums = <double *>calloc(self.total + 1, sizeof(double))
        if self.sums == NULL:
            raise MemoryError(f"cannot allocate {self.total} sums")

    def __dealloc__(self):
        free(self.items)
        free(self.sums)

    cdef int place_item(self, Item *item, float[::1] weights, const float[::1] gradient, states,
                        bint decays) except -1:
        """Write down where a variable's arrays lie; they are of one size."""
        cdef float[::1] state
        cdef Py_ssize_t size = weights.shape[0]
        expected = self.rule.states + (self.rule.average != NULL)
        if gradient.shape[0] != size or len(states) != expected:
            raise ValueError(
                f"a variable of {size} weights needs as many gradients and {expected} states. "
                f"Received {gradient.shape[0]} gradients and {len(states)} states."
            )
        item.size, item.first_unit, item.decays = size, self.total, decays
        item.clip_numbers[0], item.clip_numbers[1] = 1.0, self.divisor
        item.clip_numbers[2] = self.limit
        self.total += units_of(size)
        if size == 0:
            return 0
        item.weights, item.gradient = &weights[0], &gradient[0]
        for k in range(expected):
            state = states[k]
            if state.shape[0] != size:
                raise ValueError(f"states must hold {size} floats. Received {state.shape[0]}.")
            item.state[k] = &state[0]
        return 0

    def leave_out(self, Py_ssize_t index):
        """Leave a variable to somebody else from now on."""
        cdef Py_ssize_t i, units = units_of(self.items[index].size)
        self.total -= units
        for i in range(index + 1, self.count):
            self.items[i].first_unit -= units

    def set_numbers(self, numbers, decay_numbers=(), average_numbers=()):
        """Set the numbers of the next step: of the rule, of the decay, of the average."""
        for place, number in enumerate(numbers):
            self.rule.numbers[place] = number
        for place, number in enumerate(decay_numbers):
            self.rule.decay_numbers[place] = number
        for place, number in enumerate(average_numbers):
            self.rule.average_numbers[place] = number

    cdef int update_units(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        """Do units [first, last) of the step; norms have been limited before."""
        cdef Py_ssize_t unit, start, i = 0
        cdef Item *item
        for unit in range(first, last):
            while i + 1 < self.count and unit >= self.items[i + 1].first_unit:
                i += 1
            item = &self.items[i]
            start = (unit - item.first_unit) * UNIT
            update(&self.rule, item, start, min(start + UNIT, item.size))
        return 0

    cdef int square_units(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        """Sum the squares of the gradients in units [first, last)."""
        cdef Py_ssize_t unit, start, i = 0
        cdef Item *item
        for unit in range(first, last):
            while i + 1 < self.count and unit >= self.items[i + 1].first_unit:
                i += 1
            item = &self.items[i]
            start = (unit - item.first_unit) * UNIT
            self.sums[unit] = self.rule.squares(
                item.gradient + start, min(UNIT, item.size - start))
        return 0

    cdef int limit_norms(self) noexcept nogil:
        """Turn the sums of squares into what each gradient is multiplied and divided by."""
        cdef Py_ssize_t i, unit, end
        cdef double norm, total = 0.0
        cdef float scale
        for i in range(self.count):
            norm = 0.0
            end = self.items[i + 1].first_unit if i + 1 < self.count else self.total
            for unit in range(self.items[i].first_unit, end):
                norm += self.sums[unit]
            total += norm
            if self.norm_limit > 0:
                self.limit_item(&self.items[i], self.norm_limit, norm)
        if self.global_norm_limit > 0:
            # As Keras has it, in its precision; NaN is no larger than the limit, but must show.
            norm = <float>sqrt(total) / self.divisor
            scale = <float>self.global_norm_limit
            scale = scale * min(<float>1.0 / <float>norm, <float>1.0 / scale)
            for i in range(self.count):
                self.items[i].clip_numbers[0] = scale + <float>(norm - norm)
        return 0

    cdef void limit_item(self, Item *item, double limit, double squares) noexcept nogil:
        """Multiply by the limit and divide by the norm, where that is larger than the limit."""
        cdef double norm = sqrt(squares) / self.divisor
        # NaN is no larger than the limit, but must show.
        cdef bint beyond = not norm <= limit
        item.clip_numbers[0] = <float>limit if beyond else 1.0
        item.clip_numbers[1] = <float>(norm * self.divisor) if beyond else self.divisor

    cdef bint is_large(self) noexcept:
        return self.total > SERIAL_UNITS

    cdef int prepare(self, int threads) except -1:
        self.chunks = chunks_of(self.total, threads)
        return 0

    cdef Py_ssize_t units(self, Py_ssize_t part) noexcept:
        return 0 if part == SQUARES and not self.needs_norms else self.chunks

    cdef int do_unit(self, Py_ssize_t part, Py_ssize_t unit, int thread) noexcept nogil:
        cdef Py_ssize_t first = self.total * unit // self.chunks
        cdef Py_ssize_t last = self.total * (unit + 1) // self.chunks
        return self.square_units(first, last) if part == SQUARES else self.update_units(first, last)

    cdef int end_part(self, Py_ssize_t part) noexcept nogil:
        return self.limit_norms() if part == SQUARES else 0

    def run(self, int threads):
        """Do one step for all variables.

        Args:
            threads: how many to use at most; a small step takes one.
        """
        share([self], threads)
