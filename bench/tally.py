"""What a race has found so far, over all heats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench import results
from bench.contest import Contest
from bench.interleave import Rounds
from bench.ratios import REFERENCE
from bench.results import Record


@dataclass
class Tally:
    """The findings on one network.

    Attributes:
        workload: its name.
        threads: that each engine may use.
        timed: by batch and engine, the calls of each round; of all heats where it ran in several.
        missing: by batch and engine, the reason.
        memory: by batch and engine, the most it held until then, MB.
        first: by engine, seconds to its first prediction.
        versions: by engine.
    """

    workload: str
    threads: int
    timed: dict[tuple[int, str], Rounds] = field(default_factory=dict)
    missing: dict[tuple[int, str], str] = field(default_factory=dict)
    memory: dict[tuple[int, str], float] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def started(self, contest: Contest) -> None:
        """Note who takes part."""
        self.first = contest.first | self.first
        self.versions |= {name: worker.version for name, worker in contest.workers.items()}

    def add(self, contest: Contest, batch: int, timed: dict[str, Rounds]) -> None:
        """Note what a contest measured at one batch size."""
        for name, rounds in timed.items():
            self.timed.setdefault((batch, name), []).extend(rounds)
        for name, megabytes in contest.peak_memory().items():
            self.memory[batch, name] = max(megabytes, self.memory.get((batch, name), 0.0))
        for name, reason in contest.missing.items():
            self.missing.setdefault((batch, name), reason)

    def records(self, batch: int, limit: float | None) -> list[Record]:
        """Return the results at one batch size."""
        subject = {"workload": self.workload, "batch": batch, "threads": self.threads}
        found = [
            {
                **results.record({**subject, "engine": name}, batch, rounds),
                "limit": limit,
                "peak_megabytes": self.memory[batch, name],
                "first_prediction_seconds": self.first[name],
            }
            for (size, name), rounds in self.timed.items()
            if size == batch and (size, name) not in self.missing
        ]
        gone = {name: why for (size, name), why in self.missing.items() if size == batch}
        return found + results.absent(subject, gone)


def heats(engines: Sequence[str], size: int) -> list[list[str]]:
    """Divide engines into groups that race together, cnnfast in each of them.

    Args:
        engines: their names.
        size: peers in a group; all if 0.
    """
    always = [name for name in engines if name == REFERENCE]
    others = [name for name in engines if name != REFERENCE]
    step = size or max(1, len(others))
    return [always + others[start : start + step] for start in range(0, max(1, len(others)), step)]
