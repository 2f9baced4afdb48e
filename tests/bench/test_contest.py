from __future__ import annotations

from collections.abc import Iterator, Sequence

import fake_engines
import numpy as np
import pytest

from bench.agreement import TOLERANCES
from bench.contest import Contest
from bench.interleave import Rounds
from bench.ratios import leads
from bench.tally import Tally, heats

ONE, TWO = np.ones((1, 3), np.float32), np.ones((2, 3), np.float32)


def contest_of(engines: Sequence[str], coarse: Sequence[str] = ()) -> Contest:
    tolerances = {name: TOLERANCES["bfloat16" if name in coarse else "float32"] for name in engines}
    missing = {"unwritten": "no file"} if "unwritten" in engines else {}
    return Contest(engines, "nowhere", 1, tolerances, missing, fake_engines.make)


@pytest.fixture
def mixed() -> Iterator[Contest]:
    names = ("cnnfast", "right", "right too", "wrong", "refusing", "absent", "unwritten")
    with contest_of(names) as contest:
        contest.start(ONE)
        contest.compare(TWO)
        yield contest


def test_contest_keeps_those_that_agree_and_says_why_the_others_are_missing(
    mixed: Contest,
) -> None:
    assert list(mixed.workers) == ["cnnfast", "right", "right too"]
    assert mixed.missing == {
        "wrong": "outputs differ by 3.3e-01 of the largest",
        "refusing": "ValueError: one at a time",
        "absent": "ModuleNotFoundError: No module named 'absent'",
        "unwritten": "no file",
    }


def test_contest_notes_the_time_to_the_first_prediction_of_whoever_made_it(
    mixed: Contest,
) -> None:
    assert set(mixed.first) == {"cnnfast", "right", "right too", "wrong", "refusing"}
    assert min(mixed.first.values()) > 0


def test_contest_measures_every_round_of_everybody(mixed: Contest) -> None:
    timed = mixed.measure(3, 0.0)
    assert {name: len(rounds) for name, rounds in timed.items()} == {
        "cnnfast": 3, "right": 3, "right too": 3,
    }  # fmt: skip


def test_contest_goes_on_when_an_engine_dies_on_the_way() -> None:
    with contest_of(("right", "crashing", "also right")) as contest:
        contest.start(ONE)
        contest.compare(TWO)
        timed = contest.measure(4, 0.0)
        assert set(timed) == set(contest.workers) == {"right", "also right"}
        assert contest.missing == {"crashing": "ended with exit code 7"}


def test_contest_holds_engines_to_their_own_precision() -> None:
    names = ("right", "also right", "coarse")
    with contest_of(names, coarse=("coarse",)) as contest:
        contest.start(ONE)
        contest.compare(TWO)
        assert contest.missing == {}


def test_contest_ends_its_processes() -> None:
    with contest_of(("right",)) as contest:
        contest.start(ONE)
        process = contest.workers["right"]._process
    assert not process.is_alive()


def test_tally_joins_the_rounds_of_several_heats(mixed: Contest) -> None:
    tally = Tally("sum", 1)
    for _ in range(2):
        tally.started(mixed)
        tally.add(mixed, 2, mixed.measure(3, 0.0))
    found = {record["engine"]: record for record in tally.records(2, 1e12)}
    assert len(found["cnnfast"]["seconds"]) == 6
    assert found["wrong"]["missing"].startswith("outputs differ")
    assert found["cnnfast"]["low"] <= found["cnnfast"]["rate"] <= found["cnnfast"]["high"]
    assert tally.records(1, None) == []


def test_tally_counts_an_engine_that_failed_later_as_missing() -> None:
    tally = Tally("sum", 1)
    rounds: Rounds = [[1.0]]
    with contest_of(("right",)) as contest:
        contest.start(ONE)
        tally.started(contest)
        tally.add(contest, 1, {"right": rounds})
        contest.exclude("right", "gone")
        tally.add(contest, 1, {})
    assert tally.records(1, None) == [
        {"workload": "sum", "batch": 1, "threads": 1, "engine": "right", "missing": "gone"}
    ]


def test_heats_put_cnnfast_into_each() -> None:
    engines = ["cnnfast", "a", "b", "c"]
    assert heats(engines, 2) == [["cnnfast", "a", "b"], ["cnnfast", "c"]]
    assert heats(engines, 0) == [engines]
    assert heats(["cnnfast"], 2) == [["cnnfast"]]
    assert heats(["a", "b"], 1) == [["a"], ["b"]]


def test_leads_compare_with_the_best_peer_of_the_same_precision() -> None:
    versions = {
        name: {"precision": "bfloat16" if name == "coarse" else "float32"}
        for name in ("cnnfast", "cnnfast predict", "a", "b", "coarse")
    }
    rates = {"cnnfast": 6.0, "cnnfast predict": 5.0, "a": 2.0, "b": 3.0, "coarse": 9.0}
    found = [
        {"workload": "w", "batch": 1, "engine": name, "rate": rate} for name, rate in rates.items()
    ]
    alone = {"workload": "v", "batch": 1, "engine": "cnnfast", "rate": 1.0}
    gone = {"workload": "w", "batch": 1, "engine": "c", "missing": "not there"}
    assert leads([*found, alone, gone], versions) == [
        {"workload": "w", "batch": 1, "best": "b", "ratio": 2.0}
    ]
