from __future__ import annotations

import pytest

from bench import interleave
from bench.worker import WorkerError


class Scripted:
    """Notes when it is called; fails from a turn on."""

    def __init__(self, name: str, log: list[str], calls: list[float], fails_at: int = 99) -> None:
        self.name, self.log, self.calls, self.fails_at = name, log, calls, fails_at
        self.turns = 0

    def times(self, seconds: float) -> list[float]:
        self.log.append(self.name)
        self.turns += 1
        if self.turns >= self.fails_at:
            raise WorkerError("worn out")
        return self.calls


def test_take_turns_begins_each_round_one_further_on() -> None:
    log: list[str] = []
    turns = {name: Scripted(name, log, [1.0]) for name in "abc"}
    interleave.take_turns(turns, 4, 0.0)
    assert "".join(log) == "abcbcacababc"


def test_take_turns_keeps_every_call_of_every_round() -> None:
    results, failures = interleave.take_turns({"a": Scripted("a", [], [1.0, 2.0])}, 3, 0.0)
    assert results == {"a": [[1.0, 2.0]] * 3}
    assert failures == {}


def test_take_turns_with_a_failure_goes_on_with_the_others() -> None:
    log: list[str] = []
    turns = {"a": Scripted("a", log, [1.0], fails_at=2), "b": Scripted("b", log, [1.0])}
    results, failures = interleave.take_turns(turns, 3, 0.0)
    assert failures == {"a": "worn out"}
    assert results == {"b": [[1.0]] * 3}
    assert log.count("a") == 2


def test_take_turns_of_nobody_finds_nothing() -> None:
    assert interleave.take_turns({}, 3, 0.0) == ({}, {})


def test_summarize_takes_medians_of_rounds_and_then_of_them() -> None:
    timing = interleave.summarize([[1.0, 9.0, 2.0], [4.0], [3.0, 5.0]])
    assert timing.rounds == (2.0, 4.0, 4.0)
    assert (timing.median, timing.least, timing.most) == (4.0, 2.0, 4.0)


@pytest.mark.parametrize(("part", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_quantile_is_the_least_value_that_so_many_do_not_exceed(part: float, expected: int) -> None:
    assert interleave.quantile(range(100, 0, -1), part) == expected
