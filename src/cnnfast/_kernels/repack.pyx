"""Packs weights anew after an update: what the kernels of a training plan read.

A kernel of a forward step packs a variable as it stands. The gradient of a convolution's input
is a convolution too, of the filters turned by 180 degrees and with channels and filters swapped;
these are arranged in memory of their own first. So is the transpose that a Dense needs, which is
one of a single tap.
"""

from libc.stdlib cimport calloc, free

from cnnfast._kernels.region cimport Work
from cnnfast._kernels.region import share
from cnnfast._kernels.step cimport (
    Kernel, allocate_floats, pack_function, release_floats,
)

# Packing is copying: from this many floats on it pays to wake a second thread.
cdef Py_ssize_t SERIAL_FLOATS = 64 * 1024

cdef struct Item:
    pack_function pack
    const void *task
    float *packed
    const float *weights
    const float *bias
    float *turned               # NULL where weights are packed as they are
    Py_ssize_t taps, groups, C, K   # C and K of one group


cdef void turn(const Item *item) noexcept nogil:
    """turned[taps - 1 - t, k, g, c] = weights[t, c, g, k]"""
    cdef Py_ssize_t t, g, c, k, C = item.C, K = item.K, G = item.groups
    cdef const float *source
    cdef float *target
    for t in range(item.taps):
        source = item.weights + t * C * G * K
        target = item.turned + (item.taps - 1 - t) * C * G * K
        for c in range(C):
            for g in range(G):
                for k in range(K):
                    target[(k * G + g) * C + c] = source[(c * G + g) * K + k]


cdef class Repacker(Work):
    """The kernels of a plan whose weights train.

    Args:
        items: (kernel, weights, bias or None, turn) in any order; weights and bias are arrays
            that are updated in place, turn is None or (taps, groups, C, K) of a group.
    """

    cdef Item *items
    cdef Py_ssize_t count, floats
    cdef list held

    def __cinit__(self, list items):
        cdef Kernel kernel
        cdef const float[::1] weights, bias
        cdef Item *item
        self.count, self.held, self.parts = len(items), [], 1
        self.items = <Item *>calloc(max(1, self.count), sizeof(Item))
        if self.items == NULL:
            raise MemoryError("cannot allocate the list of packed weights")
        for index, (kernel, weight_array, bias_array, turned) in enumerate(items):
            item = &self.items[index]
            weights = weight_array.reshape(-1)
            item.pack, item.task, item.packed = kernel.pack_weights, kernel.step.task, kernel.packed
            item.weights = &weights[0]
            if bias_array is not None:
                bias = bias_array
                item.bias = &bias[0]
            if turned is not None:
                item.taps, item.groups, item.C, item.K = turned
                item.turned = allocate_floats(weights.shape[0])
                if item.turned == NULL:
                    raise MemoryError("cannot allocate turned weights")
            if item.pack == NULL:
                raise ValueError(f"{type(kernel).__name__} cannot be packed again")
            self.floats += weights.shape[0]
            self.held.append((kernel, weight_array, bias_array))

    def __dealloc__(self):
        cdef Py_ssize_t index
        if self.items != NULL:
            for index in range(self.count):
                release_floats(self.items[index].turned)
        free(self.items)

    cdef bint is_large(self) noexcept:
        return self.floats > SERIAL_FLOATS

    cdef Py_ssize_t units(self, Py_ssize_t part) noexcept:
        return self.count

    cdef int do_unit(self, Py_ssize_t part, Py_ssize_t unit, int thread) noexcept nogil:
        pack_item(&self.items[unit])
        return 0

    def run(self, int threads):
        """Pack all weights as they are now."""
        share([self], threads)


cdef void pack_item(const Item *item) noexcept nogil:
    if item.turned != NULL:
        turn(item)
        item.pack(item.task, item.turned, item.bias, item.packed)
    else:
        item.pack(item.task, item.weights, item.bias, item.packed)
