"""The rate that the machine allows an engine that computes what the network says, and no more."""

from __future__ import annotations

from collections.abc import Mapping

from bench import limits

# Blocks over which the speed of moving data is measured, MB for each thread: smaller ones take
# no time that could be told from the call's, larger ones are as slow.
SMALLEST, LARGEST = 0.05, 128.0


def rate(work: Mapping[str, float], batch: int, peak: float, threads: int) -> float:
    """Return samples per second that neither arithmetic nor memory lets anybody pass.

    Winograd's algorithm and the folding of layers need fewer multiplications than the network
    says: who has them may pass the first of the two.

    Args:
        work: what `bench.export.work` counted.
        batch: samples of a call.
        peak: GFLOP/s of the machine.
        threads: that may run.
    """
    moved = work["bytes"] * batch + work["weights"]
    block = min(max(moved / threads / 1e6, SMALLEST), LARGEST)
    speed = limits.copy_bandwidth(block, threads, rounds=3)
    return batch / max(work["operations"] * batch / peak / 1e9, moved / speed / 1e9)
