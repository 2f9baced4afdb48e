"""What a plan assumes of a machine, by instruction set; nothing is measured while one is made."""

from __future__ import annotations

from typing import Final, NamedTuple

from cnnfast._kernels import dispatch


class Machine(NamedTuple):
    """One core's speed and its share of the caches; rates are of what computing does not hide.

    Attributes:
        flops: floating-point operations a second that the GEMM tile reaches.
        l2: bytes of a step's inputs and output, and of a segment's weights, that stay in L2
            together with what streams through it.
        l3: bytes of weights, or of values, that stay in L3.
        weights_rates: bytes of weights a second from L3, and from memory.
        values_rates: bytes of values a second that a step reads and writes in L3, and in memory.
        crossing_rate: bytes a second from one segment to the next: written and read once.
        step: seconds it takes to begin a step.
        meeting: seconds until all threads have met.
    """

    flops: float
    l2: int
    l3: int
    weights_rates: tuple[float, float]
    values_rates: tuple[float, float]
    crossing_rate: float
    step: float
    meeting: float


KB: Final = 1 << 10
MB: Final = 1 << 20

# Measured on one machine, an EPYC of 2022 with 1 MB of L2 and 32 MB of L3, in all its modes, in
# ResNet50, VGG16 and small networks; NEON's are those of SSE2, which is as wide.
MACHINES: Final = {
    "avx512": Machine(115e9, 512 * KB, 16 * MB, (120e9, 25e9), (30e9, 10e9), 6e9, 0.1e-6, 3e-6),
    "avx2": Machine(110e9, 512 * KB, 16 * MB, (120e9, 25e9), (30e9, 10e9), 6e9, 0.1e-6, 3e-6),
    "neon": Machine(28e9, 512 * KB, 16 * MB, (120e9, 25e9), (30e9, 10e9), 6e9, 0.1e-6, 3e-6),
    "base": Machine(28e9, 512 * KB, 16 * MB, (120e9, 25e9), (30e9, 10e9), 6e9, 0.1e-6, 3e-6),
}


def machine() -> Machine:
    """Return the figures of the active instruction set."""
    return MACHINES[dispatch.active()]
