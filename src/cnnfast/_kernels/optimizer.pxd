# Updates of weights, for an executor that has its own parallel region; see optimizer.pyx.

from cnnfast._kernels.kernels cimport clip_kernel, squares_kernel, update_kernel
from cnnfast._kernels.region cimport Work

cdef enum:
    MOST_NUMBERS = 9        # UPDATE_NUMBERS of kernels.h
    MOST_STATES = 4         # UPDATE_STATES, and the moving average of the weights
    UNIT = 1024             # floats that are updated while they are in L1

cdef struct Rule:
    # One step of an optimizer. What is not wanted is NULL.
    update_kernel *update
    update_kernel *decay
    update_kernel *average
    clip_kernel *clip
    squares_kernel *squares
    Py_ssize_t states       # of the rule; the average comes after them
    float numbers[MOST_NUMBERS]
    float decay_numbers[MOST_NUMBERS]
    float average_numbers[MOST_NUMBERS]

cdef struct Item:
    # One variable.
    float *weights
    const float *gradient
    float *state[MOST_STATES]
    Py_ssize_t size
    Py_ssize_t first_unit
    bint decays
    float clip_numbers[3]

cdef int update(const Rule *rule, const Item *item, Py_ssize_t start,
                Py_ssize_t stop) noexcept nogil

cdef class Updates(Work):
    cdef Rule rule
    cdef Item *items
    cdef int place                  # of the rule's kernel
    cdef Py_ssize_t count
    cdef Py_ssize_t total           # units of all variables
    cdef Py_ssize_t chunks          # that they are taken in
    cdef bint needs_norms           # all gradients before the first weight can change
    cdef double *sums               # of squares, a unit each
    cdef double norm_limit          # of each gradient, or 0
    cdef double global_norm_limit   # of all together, or 0
    cdef float divisor
    cdef float limit                # of each element
    cdef tuple arrays               # what the items point into
    cdef int update_units(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil
    cdef int square_units(self, Py_ssize_t first, Py_ssize_t last) noexcept nogil
    cdef int limit_norms(self) noexcept nogil
    cdef void limit_item(self, Item *item, double limit, double squares) noexcept nogil
    cdef int place_item(self, Item *item, float[::1] weights, const float[::1] gradient, states,
                        bint decays) except -1
