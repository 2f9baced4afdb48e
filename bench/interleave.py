"""Turns: every engine is measured in every round, so that drift of the machine hits all alike."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.worker import WorkerError

# Seconds of each call of a turn, turn after turn.
Rounds = list[list[float]]


class Turn(Protocol):
    """What is measured in turns: a worker."""

    def times(self, seconds: float) -> list[float]:
        """Return the seconds of repeated calls."""


@dataclass(frozen=True)
class Timing:
    """The rounds of one engine, in seconds a call: their median, the least and the most."""

    median: float
    least: float
    most: float
    rounds: tuple[float, ...]


def take_turns(
    turns: Mapping[str, Turn], rounds: int, seconds: float
) -> tuple[dict[str, Rounds], dict[str, str]]:
    """Measure all in turn, round after round.

    Args:
        turns: by name, in the order of the first round; each later round begins one further on.
        rounds: how many.
        seconds: about how long each turn takes.

    Returns:
        Each one's calls in each round; and the reasons of those that failed on the way, whose
        calls are left out.
    """
    results: dict[str, Rounds] = {name: [] for name in turns}
    failures: dict[str, str] = {}
    for turn in range(rounds):
        for name in shifted(list(turns), turn):
            if name not in failures:
                try:
                    results[name].append(turns[name].times(seconds))
                except WorkerError as error:
                    failures[name] = str(error)
    return {name: calls for name, calls in results.items() if name not in failures}, failures


def shifted(names: list[str], turn: int) -> list[str]:
    """Begin a list one further on with each turn."""
    shift = turn % max(1, len(names))
    return names[shift:] + names[:shift]


def summarize(rounds: Rounds) -> Timing:
    """Reduce calls to the median of each round, and those to their median and range."""
    values = tuple(statistics.median(calls) for calls in rounds)
    return Timing(statistics.median(values), min(values), max(values), values)


def quantile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that at least a part of the values do not exceed."""
    order = sorted(values)
    return order[max(0, math.ceil(part * len(order)) - 1)]
