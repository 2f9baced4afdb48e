"""A chain of operations on images, a few rows at a time: what lies between them stays in L2.

Each operation but the last writes its rows into a line buffer. Before the next strip, rows that
are seen again move to its top and the following ones are made below them, by way of the buffers
before it. VGG16's first two convolutions have 12.8 MB between them, of which 8 rows, 0.46 MB, are
there at a time.

Kernels find a row by its place in the image. A buffer that holds rows from the n-th on is given
to them as if it began n rows before, and they are asked only for what follows from rows in it.

Numerics: every value is computed as when the operations run one after the other. A thread that
begins in the middle of an image makes the rows above it once more.
"""

from cython.parallel cimport prange, threadid
from libc.string cimport memmove, memset

from cnnfast._kernels.step cimport Kernel, Scratch, Step, chunks_of, padded_floats

cdef enum:
    # Longer chains would be of small operations, which do not have large images between them.
    MOST_LINKS = 6

LONGEST_CHAIN = MOST_LINKS

cdef struct Link:
    Step step
    Py_ssize_t height           # output rows made together
    Py_ssize_t units            # units of the kernel in these
    Py_ssize_t descent          # input rows from one group of output rows to the next
    Py_ssize_t top              # rows above the image that the first group sees
    Py_ssize_t reach            # input rows that a group sees
    Py_ssize_t rows, row        # of an output image; floats in each
    Py_ssize_t place            # of its line buffer in scratch

cdef struct StripsTask:
    Link links[MOST_LINKS]
    Py_ssize_t last             # link
    Py_ssize_t image            # floats of an input image
    Py_ssize_t groups           # of output rows in an image
    Py_ssize_t strip            # groups done together
    Py_ssize_t buffers          # floats of all line buffers

cdef struct Lines:
    # Rows of its output image that a line buffer holds.
    Py_ssize_t first, end


cdef Py_ssize_t groups_in(const Link *link, Py_ssize_t rows) noexcept nogil:
    return (rows + link.height - 1) // link.height


cdef int make_groups(
        const StripsTask *task, Lines *lines, Py_ssize_t index, const float *x, float *output,
        float *scratch, Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Make groups [start, stop) of a link's rows, with what they need; output is the image."""
    cdef const Link *link = &task.links[index]
    cdef const Link *before
    cdef Py_ssize_t first = start * link.descent - link.top
    cdef int failures = 0
    if start >= stop:
        return 0
    if index:
        before = &task.links[index - 1]
        failures = make_rows(task, lines, index - 1, x, scratch, max(first, 0),
                             first + (stop - start - 1) * link.descent + link.reach)
        x = scratch + before.place - lines[index - 1].first * before.row
    return failures | link.step.run(
        link.step.task, &x, output, scratch + task.buffers, start * link.units,
        stop * link.units)


cdef int make_rows(
        const StripsTask *task, Lines *lines, Py_ssize_t index, const float *x, float *scratch,
        Py_ssize_t first, Py_ssize_t stop) noexcept nogil:
    """Have rows [first, stop) of a link in its buffer; rows before them are not needed again."""
    cdef const Link *link = &task.links[index]
    cdef Lines *held = &lines[index]
    cdef float *buffer = scratch + link.place
    cdef Py_ssize_t end = min(groups_in(link, stop) * link.height, link.rows)
    if end <= held.end:
        return 0
    if first >= held.end:
        held.end = first - first % link.height
        held.first = held.end
    else:
        memmove(buffer, buffer + (first - held.first) * link.row,
                (held.end - first) * link.row * sizeof(float))
        held.first = first
    stop = held.end
    held.end = end
    return make_groups(task, lines, index, x, buffer - held.first * link.row, scratch,
                       stop // link.height, groups_in(link, end))


cdef int block(
        const void *opaque, const float *const *inputs, float *output, float *scratch,
        Py_ssize_t start, Py_ssize_t stop) noexcept nogil:
    """Groups [start, stop) of the last link's rows, counted through the images."""
    cdef const StripsTask *task = <const StripsTask *>opaque
    cdef const Link *link = &task.links[task.last]
    cdef Lines lines[MOST_LINKS]
    cdef Py_ssize_t image, group, count
    cdef int failures = 0
    memset(lines, 0, sizeof(lines))
    while start < stop:
        image, group = start // task.groups, start % task.groups
        if group == 0:
            memset(lines, 0, sizeof(lines))
        count = min(min(task.strip, task.groups - group), stop - start)
        failures |= make_groups(
            task, lines, task.last, inputs[0] + image * task.image,
            output + image * link.rows * link.row, scratch, group, group + count)
        start += count
    return failures


cdef class Strips(Kernel):
    """The chain.

    Args:
        image: floats of an input image.
        links: (kernel, (height, units, descent, top, reach), rows, floats in a row, rows of its
            line buffer) of each.
        strip: groups of the last link's rows that are made together.
    """

    cdef StripsTask task
    cdef list kernels
    cdef Py_ssize_t pixels, columns     # rows of the input image, and in a row of the output

    def __init__(self, Py_ssize_t image, links, Py_ssize_t strip):
        cdef StripsTask *task = &self.task
        cdef Kernel first, last
        cdef Link *link
        cdef Py_ssize_t index
        if not 1 <= len(links) <= MOST_LINKS:
            raise ValueError(
                f"a chain has 1 to {LONGEST_CHAIN} operations. Received {len(links)}.")
        self.kernels = [given[0] for given in links]
        task.image, task.last, task.strip = image, len(links) - 1, strip
        for index, (kernel, sight, rows, row, held) in enumerate(links):
            link = &task.links[index]
            link.rows, link.row = rows, row
            link.height, link.units, link.descent, link.top, link.reach = sight
            link.place = task.buffers
            task.buffers += padded_floats(held * row)
            # A kernel may be prepared for one row.
            self.step.work += kernel.work * groups_in(link, rows) * link.units / kernel.units
            self.packed_floats += kernel.weights // sizeof(float)
        task.groups = groups_in(&task.links[task.last], task.links[task.last].rows)
        self.step.run = block
        self.step.task = task
        self.step.units = task.groups
        first, last = self.kernels[0], self.kernels[task.last]
        self.source, self.target = first.source, last.target
        if self.source != NULL:
            self.pixels = image // self.source[0]
        if self.target != NULL:
            self.columns = task.links[task.last].row // self.target[0]
        self.settle()

    cdef int settle(self) except -1:
        """Take over how far the first kernel's inputs lie apart, and the last one's outputs."""
        cdef StripsTask *task = &self.task
        cdef Py_ssize_t index, rest = 0
        cdef Kernel kernel
        for index, kernel in enumerate(self.kernels):
            kernel.settle()
            task.links[index].step = kernel.step
            rest = max(rest, kernel.step.scratch)
        if self.source != NULL:
            task.image = self.pixels * self.source[0]
        if self.target != NULL:
            task.links[task.last].row = self.columns * self.target[0]
        self.step.scratch = task.buffers + rest
        return 0

    def run(self, const float[:, :, :, ::1] inputs, float[:, :, :, ::1] outputs, int threads):
        """Do all images of inputs (N, H, W, C) into outputs (N, P, Q, K)."""
        cdef Py_ssize_t units = inputs.shape[0] * self.task.groups
        cdef Py_ssize_t chunk, chunks = chunks_of(units, threads)
        cdef Scratch scratch = Scratch(self, threads)
        cdef const float *x
        if units == 0:
            return
        x = &inputs[0, 0, 0, 0]
        for chunk in prange(chunks, nogil=True, num_threads=threads, schedule="dynamic"):
            block(&self.task, &x, &outputs[0, 0, 0, 0],
                  scratch.floats + threadid() * scratch.stride,
                  units * chunk // chunks, units * (chunk + 1) // chunks)
