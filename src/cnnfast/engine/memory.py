"""Where a plan's values lie: no two that live at the same time overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

# Buffers begin on cache lines of 16 floats.
LINE = 16


class Lifetime(NamedTuple):
    """A buffer's size and the steps during which it must keep its content.

    Attributes:
        floats: its size.
        first: the step that writes it.
        last: the last step that reads it.
    """

    floats: int
    first: int
    last: int

    def meets(self, other: Lifetime) -> bool:
        """Whether both must hold their content during some step."""
        return self.first <= other.last and other.first <= self.last


def assign_offsets(lifetimes: Sequence[Lifetime]) -> tuple[list[int], int]:
    """Place buffers in one block, largest first, each at the lowest offset that is free.

    Args:
        lifetimes: of all buffers.

    Returns:
        The offset of each buffer, and the size of the block, in floats.

    Source: greedy by size, after Pisarchyk and Lee (2020), arXiv:2001.03288.
    """
    offsets = [0] * len(lifetimes)
    placed: list[int] = []
    for index in sorted(range(len(lifetimes)), key=lambda i: -lifetimes[i].floats):
        rivals = [other for other in placed if lifetimes[index].meets(lifetimes[other])]
        taken = [(offsets[other], offsets[other] + aligned(lifetimes[other])) for other in rivals]
        offsets[index] = lowest_gap(sorted(taken), aligned(lifetimes[index]))
        placed.append(index)
    ends = [offset + aligned(life) for offset, life in zip(offsets, lifetimes, strict=True)]
    return offsets, max(ends, default=0)


def aligned(lifetime: Lifetime) -> int:
    """Return a buffer's size in whole cache lines."""
    return -(-lifetime.floats // LINE) * LINE


def lowest_gap(taken: Sequence[tuple[int, int]], size: int) -> int:
    """Find the lowest offset where `size` floats fit between ranges sorted by their start."""
    offset = 0
    for start, end in taken:
        if offset + size <= start:
            break
        offset = max(offset, end)
    return offset
