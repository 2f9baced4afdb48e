"""Which table of micro-kernels is in use: the best this CPU runs, or the one CNNFAST_ISA names."""

import os

from cnnfast._kernels.kernels cimport (
    ACTIVATIONS,
    UPDATES,
    Kernels,
    activation_kernel,
    activation_names,
    cpu_has_avx2,
    cpu_has_avx512,
    cpu_has_neon,
    kernels_avx2,
    kernels_avx512,
    kernels_base,
    kernels_neon,
    replay_moves,
    update_names,
    update_states,
)

cdef extern from *:
    """
    #ifdef _OPENMP
    #include <omp.h>
    #define BUILT_WITH_OPENMP 1
    #else
    #define BUILT_WITH_OPENMP 0
    static int omp_get_max_threads(void) { return 1; }
    static int omp_in_parallel(void) { return 0; }
    #endif
    """
    const bint BUILT_WITH_OPENMP
    int omp_get_max_threads() nogil
    int omp_in_parallel() nogil

cdef const Kernels *current = kernels_base


cdef const Kernels *active_kernels() noexcept nogil:
    return current


cdef activation_kernel *activation_named(const Kernels *kernels, str name) except NULL:
    """Return one activation of a table."""
    for i in range(ACTIVATIONS):
        if activation_names[i].decode() == name:
            return kernels.activations[i]
    raise ValueError(f"activation must be one of {', '.join(activations())}. Received {name!r}.")


cdef int update_place(str name) except -1:
    """Return where a rule of an optimizer stands in every table."""
    names = updates()
    if name not in names:
        raise ValueError(f"rule must be one of {', '.join(names)}. Received {name!r}.")
    return names.index(name)


cdef int states_of_update(int place) noexcept nogil:
    return update_states[place]


cdef bint replay_moves_weights(int place) noexcept nogil:
    return replay_moves[place]


cdef const Kernels *find(str name):
    """Return the table of an instruction set, or NULL where this CPU does not run it."""
    if name == "avx512" and cpu_has_avx512():
        return kernels_avx512
    if name == "avx2" and cpu_has_avx2():
        return kernels_avx2
    if name == "neon" and cpu_has_neon():
        return kernels_neon
    return kernels_base if name == "base" else NULL


def available() -> tuple[str, ...]:
    """Return the instruction sets this CPU runs, best first."""
    return tuple(name for name in ("avx512", "avx2", "neon", "base") if find(name) != NULL)


def active() -> str:
    """Return the instruction set in use."""
    return current.name.decode()


def select(name: str) -> None:
    """Use another instruction set for whatever is prepared from now on.

    Args:
        name: one of `available()`.

    Raises:
        ValueError: this CPU does not run it.
    """
    global current
    table = find(name)
    if table == NULL:
        raise ValueError(
            f"instruction set must be one of {', '.join(available())} on this machine. "
            f"Received {name!r}."
        )
    current = table


def lanes() -> int:
    """Return how many floats a vector of the active instruction set holds."""
    return current.lanes


def gemm_rows() -> int:
    """Return the rows of the widest GEMM tile of the active instruction set."""
    return current.gemm_rows


def activations() -> tuple[str, ...]:
    """Return the names of all elementwise activation kernels."""
    return tuple(activation_names[i].decode() for i in range(ACTIVATIONS))


def updates() -> tuple[str, ...]:
    """Return the names of the rules of optimizers, and of what goes on around every rule."""
    return tuple(update_names[i].decode() for i in range(UPDATES))


def openmp() -> bool:
    """Return whether the kernels were built with OpenMP."""
    return BUILT_WITH_OPENMP


def openmp_max_threads() -> int:
    """Return how many threads OpenMP would give the calling thread."""
    return omp_get_max_threads()


def in_parallel_region() -> bool:
    """Return whether the caller already runs inside an OpenMP region."""
    return omp_in_parallel() != 0


select(os.environ.get("CNNFAST_ISA") or available()[0])
