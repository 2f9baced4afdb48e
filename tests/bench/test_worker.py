from __future__ import annotations

import fake_engines
import numpy as np
import pytest

from bench import worker
from bench.worker import Worker, WorkerError

SAMPLES = np.arange(6, dtype=np.float32).reshape(2, 3)


def started(engine: str, patience: float = 60.0) -> Worker:
    return Worker(engine, "nowhere", 1, fake_engines.make, patience)


def test_worker_answers_with_outputs_times_memory_and_version() -> None:
    held = started("right")
    try:
        assert held.version == "1.0"
        np.testing.assert_array_equal(held.outputs(SAMPLES), [[3], [12]])
        times = held.times(0.01)
        assert times
        assert min(times) > 0
        assert held.peak_memory() > 1
    finally:
        held.close()


def test_worker_of_a_missing_engine_says_what_is_missing() -> None:
    with pytest.raises(WorkerError, match="ModuleNotFoundError: No module named 'absent'"):
        started("absent")


def test_worker_reports_the_first_line_of_an_error() -> None:
    held = started("refusing")
    with pytest.raises(WorkerError, match=r"^ValueError: one at a time$"):
        held.outputs(SAMPLES)


def test_worker_that_crashes_is_an_error_with_its_exit_code() -> None:
    held = started("crashing")
    held.outputs(SAMPLES)
    with pytest.raises(WorkerError, match="ended with exit code 7"):
        held.times(0.5)


def test_worker_that_hangs_is_given_up_and_ended() -> None:
    held = started("hanging")
    held.patience = 0.2
    with pytest.raises(WorkerError, match="no answer within 0 s"):
        held.outputs(SAMPLES)
    assert not held._process.is_alive()


def test_worker_whose_threads_go_on_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    held = started("restless")
    with pytest.raises(WorkerError, match="threads still run"):
        held.outputs(SAMPLES)


def test_worker_that_prints_is_not_heard(capfd: pytest.CaptureFixture[str]) -> None:
    held = started("noisy")
    held.outputs(SAMPLES)
    held.close()
    assert capfd.readouterr() == ("", "")


def test_apart_returns_what_the_function_returns() -> None:
    assert worker.apart(fake_engines.add, 2, 3) == 5


def test_apart_passes_on_what_the_function_raises() -> None:
    with pytest.raises(WorkerError, match=r"^ValueError: told you$"):
        worker.apart(fake_engines.fail)


def test_timed_calls_once_to_warm_up_and_at_least_once_more() -> None:
    calls: list[int] = []
    times = worker.timed(lambda: calls.append(1), 0.0)
    assert len(calls) == 2
    assert len(times) == 1


def test_timed_keeps_no_more_than_the_last_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "MOST_CALLS", 3)
    calls: list[int] = []
    assert len(worker.timed(lambda: calls.append(1), 0.01)) == 3
    assert len(calls) > 3


def test_timed_call_that_is_long_is_its_own_warm_up() -> None:
    calls: list[int] = []
    times = worker.timed(lambda: calls.append(1), 0.0, long=0.0)
    assert len(calls) == len(times) == 1
