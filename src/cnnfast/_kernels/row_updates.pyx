"""Updates of a table of embeddings, of which a batch looks up few rows.

A row is read and written in the steps that look it up: what it received is added up in L1, what
steps without a gradient would have done to it since is made up for, and the step is done. All
that stays in registers or L1, so that the sums of the table are never written to memory. Rules
are those of a dense step, and so is every bit of the result.
"""

import threading

from cython.parallel cimport prange
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from cnnfast._kernels import team
from cnnfast._kernels.dispatch cimport active_kernels, replay_moves_weights
from cnnfast._kernels.embedding cimport word_row
from cnnfast._kernels.kernels cimport PAIR_add, Kernels, replay_kernel
from cnnfast._kernels.optimizer cimport UNIT, Item, Updates, update
from cnnfast._kernels.region cimport Work
from cnnfast._kernels.region import share
from cnnfast._kernels.step cimport (
    allocate_floats, chunks_of, padded_floats, prefetch_floats, prefetch_floats_far,
    release_floats,
)

# Waking a team takes some 5 microseconds; one core moves this many floats in about 20.
cdef Py_ssize_t SERIAL_FLOATS = 64 * 1024
# A row waits no longer than so many steps, so that whoever looks at all of them does not wait long
# either: bringing all up takes about a step for all of them, which the last of so many is.
cdef Py_ssize_t LONGEST = 128
# Rows lie anywhere: memory is asked for those that come after so many others, first into L2, which
# waits for more lines at once than L1. Into L1 alone, the step took 30 % longer.
cdef Py_ssize_t ROWS_FAR = 12
cdef Py_ssize_t ROWS_NEAR = 2
cdef Py_ssize_t LOOK_UPS_FAR = 16
cdef Py_ssize_t LOOK_UPS_NEAR = 4


ctypedef void (*prefetch_function)(const float *p, Py_ssize_t count) noexcept nogil


cdef struct LookUp:
    const float *gradient
    int32_t place               # of the row among those of the batch


cdef class RowUpdates(Work):
    """Steps of one variable of an optimizer, which is left to this from now on.

    Args:
        updates: of all variables, of a rule whose steps without a gradient can be made up for.
        index: of the table there.
        columns: D, floats in a row.
    """

    cdef Updates updates
    cdef Item item
    cdef replay_kernel *replay
    cdef const Kernels *kernels
    cdef Py_ssize_t V, D, steps     # steps since all rows were up to date
    cdef int32_t *done              # which of these each row has had
    cdef int32_t *places            # of each row in `rows`; anything where it is not there
    cdef int32_t *rows              # of the batch, each once
    cdef int32_t *ends              # of each row's look-ups in `ordered`
    cdef Py_ssize_t row_count, count, capacity
    cdef LookUp *look_ups
    cdef const float **ordered      # gradients by row, and of a row in their order
    cdef float *buffers
    cdef Py_ssize_t buffer_floats
    cdef Py_ssize_t chunks, stride  # of a step: pieces of the rows; floats of a thread's buffer
    cdef bint has_received, is_trusted, all_rows
    cdef list held                  # what look-ups point into
    cdef object lock                # somebody may look while another Python thread trains
    cdef readonly bint drifts       # whether rows without a gradient move
    cdef public bint every_row      # whether the next step is to be done to all rows

    def __init__(self, Updates updates, Py_ssize_t index, Py_ssize_t columns):
        self.kernels = active_kernels()
        self.updates, self.item = updates, updates.items[index]
        self.V, self.D = self.item.size // columns, columns
        self.replay = self.kernels.replays[updates.place]
        self.drifts = replay_moves_weights(updates.place)
        self.held, self.lock, self.parts = [], threading.RLock(), 1
        self.done = <int32_t *>calloc(4 * self.V + 1, sizeof(int32_t))
        if self.done == NULL:
            raise MemoryError(f"cannot allocate the steps of {self.V} rows")
        self.places = self.done + self.V
        self.rows = self.places + self.V
        self.ends = self.rows + self.V
        updates.leave_out(index)

    def __dealloc__(self):
        free(self.done)
        free(self.look_ups)
        free(self.ordered)
        release_floats(self.buffers)

    @property
    def is_behind(self):
        """Whether any row waits for what steps did without a gradient."""
        return self.replay != NULL and self.steps > 0

    # ---- what rows receive

    def clear(self):
        """Let no row have received anything."""
        self.row_count = self.count = 0
        self.held.clear()
        self.has_received = False

    def add(self, ids, const float[:, ::1] gradients):
        """Note a row for each id, in their order; ids outside the table are left out.

        Args:
            ids: int32 or float32, contiguous, one for each row.
            gradients: (ids, D), which stay as they are until `run`.
        """
        self.has_received = True
        if gradients.shape[0]:
            self.note(ids, &gradients[0, 0])
            self.held.append(gradients)

    cdef int note(self, ids, const float *gradients) except -1:
        cdef bint are_integers = ids.dtype.kind == "i"
        cdef const int32_t[::1] integers = ids.reshape(-1).view("i4")
        cdef Py_ssize_t i, row, place
        self.reserve(self.count + integers.shape[0])
        for i in range(integers.shape[0]):
            row = word_row(&integers[0], i, self.V, are_integers)
            if row < 0:
                continue
            place = self.places[row]
            if place >= self.row_count or self.rows[place] != row:
                place = self.row_count
                self.places[row], self.rows[place], self.ends[place] = place, row, 0
                self.row_count += 1
            self.ends[place] += 1
            self.look_ups[self.count].place = place
            self.look_ups[self.count].gradient = gradients + i * self.D
            self.count += 1
        return 0

    cdef int reserve(self, Py_ssize_t count) except -1:
        """Have room for so many look-ups."""
        if count <= self.capacity:
            return 0
        look_ups = <LookUp *>realloc(self.look_ups, count * sizeof(LookUp))
        if look_ups != NULL:
            self.look_ups = look_ups
        ordered = <const float **>realloc(self.ordered, count * sizeof(float *))
        if ordered != NULL:
            self.ordered = ordered
        if look_ups == NULL or ordered == NULL:
            raise MemoryError(f"cannot allocate {count} look-ups")
        self.capacity = count
        return 0

    cdef void order(self) noexcept nogil:
        """Sort the look-ups by row: numbers of them become where each row's begin, then end."""
        cdef Py_ssize_t place, i, begin = 0
        cdef int32_t number, end
        for place in range(self.row_count):
            number = self.ends[place]
            self.ends[place] = begin
            begin += number
        for i in range(self.count):
            place = self.look_ups[i].place
            end = self.ends[place]
            self.ordered[end] = self.look_ups[i].gradient
            self.ends[place] = end + 1

    # ---- steps

    def run(self, int threads):
        """Do one step with the numbers that `updates` has.

        Args:
            threads: how many to use at most.
        """
        share([self], threads)

    cdef Py_ssize_t rows_of_step(self) noexcept:
        """Count the rows that the next step is done to; the others wait."""
        if self.every_row or not (self.is_trusted and self.has_received):
            return self.V
        return self.V if self.is_behind and self.steps + 1 >= LONGEST else self.row_count

    cdef bint is_large(self) noexcept:
        return (self.count + 3 * self.rows_of_step()) * self.D > SERIAL_FLOATS

    cdef int prepare(self, int threads) except -1:
        self.stride = padded_floats(self.D)
        self.reserve_buffers((threads + 1) * self.stride)
        self.lock.acquire()
        self.order()
        self.all_rows = self.rows_of_step() == self.V
        self.chunks = chunks_of(self.rows_of_step(), 4 * threads)
        return 0

    cdef Py_ssize_t units(self, Py_ssize_t part) noexcept:
        return self.chunks

    cdef int do_unit(self, Py_ssize_t part, Py_ssize_t unit, int thread) noexcept nogil:
        cdef Py_ssize_t rows = self.V if self.all_rows else self.row_count
        self.update_rows(rows * unit // self.chunks, rows * (unit + 1) // self.chunks,
                         self.all_rows, self.buffers + (thread + 1) * self.stride)
        return 0

    cdef int conclude(self, bint is_done) except -1:
        if is_done:
            self.steps += 1
            if self.all_rows:
                self.forget()
            # State that is no number, or below zero, shows in the weights with the first step that
            # is done to every row; later ones without a gradient leave them as they are.
            self.is_trusted = not self.every_row
        self.clear()
        self.lock.release()
        return 0

    cdef int reserve_buffers(self, Py_ssize_t count) except -1:
        """Have room for a row of zeros and one of sums for each thread."""
        if count > self.buffer_floats:
            release_floats(self.buffers)
            self.buffer_floats = 0
            self.buffers = allocate_floats(count)
            if self.buffers == NULL:
                raise MemoryError(f"cannot allocate {count} sums")
            self.buffer_floats = count
            memset(self.buffers, 0, self.D * sizeof(float))
        return 0

    cdef void update_rows(self, Py_ssize_t first, Py_ssize_t stop, bint all_rows,
                          float *sums) noexcept nogil:
        """Do the step for rows [first, stop) of the table, or of those of the batch."""
        cdef Py_ssize_t i, row
        for i in range(first, stop):
            if not all_rows and i + ROWS_FAR < stop:
                self.prefetch(self.rows[i + ROWS_FAR], prefetch_floats_far)
            if not all_rows and i + ROWS_NEAR < stop:
                self.prefetch(self.rows[i + ROWS_NEAR], prefetch_floats)
            row = i if all_rows else self.rows[i]
            self.catch_up(row)
            self.update_row(row, self.gradient_of(row, sums))

    cdef void prefetch(self, Py_ssize_t row, prefetch_function ask) noexcept nogil:
        cdef Py_ssize_t k
        ask(self.item.weights + row * self.D, self.D)
        for k in range(self.updates.rule.states):
            ask(self.item.state[k] + row * self.D, self.D)

    cdef const float *gradient_of(self, Py_ssize_t row, float *sums) noexcept nogil:
        """Add up what a row received, in the order of the look-ups."""
        cdef Py_ssize_t place = self.places[row], i
        cdef const float *before = self.buffers
        if not self.has_received:
            return self.item.gradient + row * self.D
        if place >= self.row_count or self.rows[place] != row:
            return before
        for i in range(self.ends[place - 1] if place > 0 else 0, self.ends[place]):
            if i + LOOK_UPS_FAR < self.count:
                prefetch_floats_far(self.ordered[i + LOOK_UPS_FAR], self.D)
            if i + LOOK_UPS_NEAR < self.count:
                prefetch_floats(self.ordered[i + LOOK_UPS_NEAR], self.D)
            self.kernels.pairs[PAIR_add](before, self.ordered[i], sums, self.D)
            before = sums
        return sums

    cdef void update_row(self, Py_ssize_t row, const float *gradient) noexcept nogil:
        cdef Py_ssize_t k, unit, start
        cdef Item item = self.item
        item.weights += row * self.D
        item.gradient = gradient
        for k in range(self.updates.rule.states):
            item.state[k] += row * self.D
        for unit in range((self.D + UNIT - 1) // UNIT):
            start = unit * UNIT
            update(&self.updates.rule, &item, start, min(start + UNIT, self.D))
        self.done[row] = <int32_t>(self.steps + 1)

    # ---- steps without a gradient

    cdef void catch_up(self, Py_ssize_t row) noexcept nogil:
        """Bring a row to where the last step would have left it."""
        cdef Py_ssize_t missed = self.steps - self.done[row], start = row * self.D
        if missed > 0 and self.replay != NULL:
            self.replay(self.item.weights + start, self.item.state[0] + start, self.D,
                        self.updates.rule.numbers, missed)
            self.done[row] = <int32_t>self.steps

    def catch_up_rows(self, ids, int threads):
        """Bring rows up to date that will be read.

        Args:
            ids: int32 or float32, contiguous.
            threads: how many to use at most.
        """
        if not self.is_behind or ids.size == 0:
            return
        self.clear()
        self.note(ids, NULL)
        with self.lock:
            self.catch_up_all(self.rows, self.row_count, threads)
        self.clear()

    def make_up(self, int threads):
        """Bring all rows up to date."""
        with self.lock:
            if self.is_behind:
                self.catch_up_all(NULL, self.V, threads)
                self.forget()

    cdef int catch_up_all(self, const int32_t *rows, Py_ssize_t count, int threads) except -1:
        """Bring some rows up to date, or the first ones if they are not named."""
        cdef Py_ssize_t i
        cdef int claimed = team.claim(threads) if count * self.D > SERIAL_FLOATS else 1
        try:
            for i in prange(count, nogil=True, num_threads=claimed, schedule="static"):
                self.catch_up(i if rows == NULL else rows[i])
        finally:
            if claimed > 1:
                team.release()
        return 0

    def distrust(self):
        """Note that weights or state may be others than steps left: the next is for all rows."""
        self.is_trusted = False

    cdef void forget(self) noexcept:
        """Begin to count anew, all rows being up to date."""
        self.steps = 0
        memset(self.done, 0, self.V * sizeof(int32_t))
