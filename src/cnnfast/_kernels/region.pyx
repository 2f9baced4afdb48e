"""Work that threads share in one parallel region, whatever it consists of.

A step of training packs weights, takes images forward and back, adds up gradients and updates
weights. A region for each would wake the threads each time and wait for the slowest of them: where
other programs use the cores too, for one that does not run at all. Here all of it is one list of
parts, each of them a number of units that threads take in turn. A part begins when every unit of
the one before is done, whoever did them: a thread that the system has put aside keeps nobody
waiting but for the unit that it is at.
"""

from cython.parallel cimport parallel
from libc.stdlib cimport calloc, free

from cnnfast._kernels import team

cdef extern from "team.h" nogil:
    int team_place() noexcept
    long team_add(long *counter) noexcept
    long team_read(const long *number) noexcept
    void team_wait(const long *number) noexcept

cdef struct Part:
    void *work              # a Work, kept alive by the caller
    Py_ssize_t which        # of its parts
    Py_ssize_t count        # units
    long taken, done        # units
    long is_over


cdef class Work:
    """Something that threads can share: parts that follow one another, of units in any order.

    Units and parts report with 1 that they failed: nothing that comes later in the region is done
    then, while all units of the part are.
    """

    cdef bint is_large(self) noexcept:
        """Tell whether it is worth to wake other threads."""
        return False

    cdef int prepare(self, int threads) except -1:
        """Have memory for so many threads; the region comes next."""
        return 0

    cdef Py_ssize_t units(self, Py_ssize_t part) noexcept:
        """Count the units of a part, once `prepare` was called; one that has none is left out."""
        return 0

    cdef int do_unit(self, Py_ssize_t part, Py_ssize_t unit, int thread) noexcept nogil:
        """Do a unit; what belongs to `thread` is nobody else's."""
        return 0

    cdef int end_part(self, Py_ssize_t part) noexcept nogil:
        """Do what one thread does, while others wait, behind all units of a part."""
        return 0

    cdef int conclude(self, bint is_done) except -1:
        """Do what follows the region, whether or not all of it was done."""
        return 0


def share(works, int threads):
    """Do one work after the other, in one parallel region.

    Args:
        works: in the order in which they depend on each other.
        threads: how many to use at most; where no work is large, one.

    Returns:
        False where a unit failed; what followed it was not done.
    """
    cdef Work work
    cdef int claimed = 1
    cdef bint is_done = False
    cdef list begun = []
    if threads > 1:
        for work in works:
            if work.is_large():
                claimed = team.claim(threads)
                break
    try:
        try:
            for work in works:
                work.prepare(claimed)
                begun.append(work)
            is_done = run_parts(begun, claimed)
        finally:
            if claimed > 1:
                team.release()
    finally:
        for work in begun:
            work.conclude(is_done)
    return is_done


cdef bint run_parts(list works, int threads) except -1:
    """List the parts of all works, and open the region."""
    cdef Work work
    cdef Part *parts
    cdef Py_ssize_t most = 1, count = 0, which
    cdef long failed = 0
    for work in works:
        most += work.parts
    parts = <Part *>calloc(most, sizeof(Part))
    if parts == NULL:
        raise MemoryError(f"cannot allocate a list of {most} parts")
    for work in works:
        for which in range(work.parts):
            parts[count].work, parts[count].which = <void *>work, which
            parts[count].count = work.units(which)
            count += parts[count].count > 0
    with nogil:
        if threads == 1:
            do_parts(parts, count, 0, &failed)
        else:
            with parallel(num_threads=threads):
                do_parts(parts, count, team_place(), &failed)
        free(parts)
    return failed == 0


cdef void do_parts(Part *parts, Py_ssize_t count, int thread, long *failed) noexcept nogil:
    """Do one thread's share of all parts."""
    cdef Py_ssize_t index
    for index in range(count):
        do_part(&parts[index], thread, failed)
        if team_read(failed):
            return


cdef void do_part(Part *part, int thread, long *failed) noexcept nogil:
    """Take units as long as there are any, and see that the last one ends the part."""
    cdef Py_ssize_t unit = team_add(&part.taken)
    while unit < part.count:
        if (<Work>part.work).do_unit(part.which, unit, thread):
            team_add(failed)
        if team_add(&part.done) + 1 == part.count:
            if (<Work>part.work).end_part(part.which):
                team_add(failed)
            team_add(&part.is_over)
        unit = team_add(&part.taken)
    team_wait(&part.is_over)
