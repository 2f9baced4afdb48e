"""The machine's own limits, measured in the same run as what is held against them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from cnnfast._kernels import limits
from cnnfast._kernels.elementwise import Activate

ROUNDS = 7


def fma_peak(threads: int, rounds: int = ROUNDS) -> float:
    """Return the GFLOP/s of independent fused multiply-adds from registers, best of rounds."""
    operations, iterations = 0.0, 1_000_000
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        operations = limits.multiply_adds(iterations, threads)
        best = min(best, time.perf_counter() - start)
    return operations / best / 1e9


def copy_bandwidth(megabytes: float, threads: int, rounds: int = ROUNDS) -> float:
    """Return the GB/s, read plus written, of copying blocks of a given size over and over.

    Args:
        megabytes: read and written together, of each thread's block: 0.5 stays in a 1 MB L2,
            512 does not stay in any cache.
        threads: each copies a block of its own.
        rounds: the best counts.
    """
    floats = int(megabytes * 1e6 / 8)
    source = np.ones((threads, floats), np.float32)
    target = np.zeros_like(source)
    copy = Activate(floats, ("linear", 0.0, 0.0, 0.0))
    repeats = max(1, int(64e6 / (8 * floats * threads)))

    def once() -> None:
        for _ in range(repeats):
            copy.run(source, target, threads)

    return repeats * 8 * floats * threads / best_time(once, rounds) / 1e9


def best_time(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the shortest time of several calls, in seconds, after one to warm up."""
    call()
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best
