"""Turns: every engine is measured in every round, so that drift of the machine hits all alike."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# Outputs of another engine may differ by what float32 sums in another order differ by, through
# a few layers and a softmax; a wrong weight or a transposed image differs by orders more.
AGREEMENT = 2e-4


class Turn(Protocol):
    """What is measured in turns: a worker."""

    def times(self, seconds: float) -> list[float]:
        """Return the seconds of repeated calls."""


@dataclass(frozen=True)
class Timing:
    """The rounds of one engine, in seconds a call: the median, and the least and the most."""

    median: float
    least: float
    most: float
    rounds: int


def take_turns(turns: Mapping[str, Turn], rounds: int, seconds: float) -> dict[str, Timing]:
    """Measure all in turn, round after round.

    Args:
        turns: by name, in the order of the first round; each later round begins one further on.
        rounds: how many.
        seconds: about how long each turn takes.

    Returns:
        Each one's rounds, where a round counts with the median of its calls.
    """
    names = list(turns)
    results: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            results[name].append(statistics.median(turns[name].times(seconds)))
    return {name: summarize(values) for name, values in results.items()}


def summarize(values: Sequence[float]) -> Timing:
    """Reduce rounds to their median and range."""
    return Timing(statistics.median(values), min(values), max(values), len(values))


def agree(expected: NDArray[Any], received: NDArray[Any]) -> str | None:
    """Compare outputs; return what is wrong with them, None if nothing."""
    if expected.shape != received.shape:
        return f"outputs have shape {received.shape}, not {expected.shape}"
    if not np.isfinite(received).all():
        return "outputs are not finite"
    scale = max(1e-30, float(np.abs(expected).max()))
    error = float(np.abs(expected - received).max()) / scale
    return None if error <= AGREEMENT else f"outputs differ by {error:.1e} of the largest"
