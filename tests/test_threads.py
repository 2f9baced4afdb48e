"""How many threads a call may use, read from made-up machines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnfast import config, threads


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pretend to be a process that may use eight CPUs, with nothing asked for."""
    monkeypatch.delenv(threads.VARIABLE, raising=False)
    for name in ("openmp_max_threads", "available_cpus"):
        monkeypatch.setattr(threads, name, lambda: 8)
    monkeypatch.setattr(threads, "granted_cpus", lambda: None)
    threads.forget_limit()
    threads.set_num_threads(None)
    yield
    threads.forget_limit()
    threads.set_num_threads(None)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("openmp_max_threads", 3, 3),
        ("available_cpus", 2, 2),
        ("granted_cpus", 4, 4),
        ("available_cpus", None, 8),
        ("openmp_max_threads", 0, 1),
    ],
)
def test_thread_count_is_the_least_of_all_limits(
    monkeypatch: pytest.MonkeyPatch, name: str, value: int | None, expected: int
) -> None:
    monkeypatch.setattr(threads, name, lambda: value)
    assert threads.thread_count() == expected


@pytest.mark.parametrize(("asked", "expected"), [(1, 1), (5, 5), (99, 8), (None, 8)])
def test_set_num_threads_lowers_but_never_raises(asked: int | None, expected: int) -> None:
    threads.set_num_threads(asked)
    assert threads.thread_count() == expected


@pytest.mark.parametrize(("text", "expected"), [("3", 3), (" 2 ", 2), ("", 8), ("100", 8)])
def test_environment_variable_limits_the_count(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: int
) -> None:
    monkeypatch.setenv(threads.VARIABLE, text)
    assert threads.thread_count() == expected


@pytest.mark.parametrize("text", ["0", "-1", "two", "2.5", "1e3", "²"])
def test_environment_variable_no_positive_number_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(threads.VARIABLE, text)
    with pytest.raises(ValueError, match=f"CNNFAST_NUM_THREADS='{text}'"):
        threads.thread_count()


@pytest.mark.parametrize("count", [0, -3])
def test_set_num_threads_less_than_one_is_refused(count: int) -> None:
    threads.set_num_threads(2)
    with pytest.raises(ValueError, match="at least 1"):
        threads.set_num_threads(count)
    assert threads.thread_count() == 2


@pytest.mark.parametrize("count", [1.0, "2", True], ids=repr)
def test_set_num_threads_no_integer_is_refused(count: int) -> None:
    with pytest.raises(TypeError, match="must be an integer"):
        threads.set_num_threads(count)


def test_num_threads_holds_inside_the_block_only() -> None:
    threads.set_num_threads(4)
    with config.num_threads(2):
        assert threads.thread_count() == 2
        with config.num_threads(3):
            assert threads.thread_count() == 3
        assert threads.thread_count() == 2
    assert threads.thread_count() == 4


def test_num_threads_block_does_not_reach_other_threads() -> None:
    seen: list[int] = []
    with config.num_threads(2):
        thread = threading.Thread(target=lambda: seen.append(threads.thread_count()))
        thread.start()
        thread.join()
    assert seen == [8]


def test_thread_count_asks_the_system_once(monkeypatch: pytest.MonkeyPatch) -> None:
    threads.thread_count()
    monkeypatch.setattr(threads, "available_cpus", lambda: 1)
    assert threads.thread_count() == 8
    threads.forget_limit()
    assert threads.thread_count() == 1


# ---- control groups


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200000 100000\n", 2),
        ("150000 100000", 2),
        ("1000 100000", 1),
        ("max 100000", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_granted_cpus_of_current_control_groups(
    tmp_path: Path, text: str, expected: int | None
) -> None:
    (tmp_path / "membership").write_text("0::/box/job\n")
    write(tmp_path / "groups" / "box" / "job", cpu__max=text)
    found = GRANTED(tmp_path / "groups", tmp_path / "membership")
    assert found == expected


def test_granted_cpus_of_a_group_around_it_counts_too(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("0::/box/job\n")
    write(tmp_path / "groups" / "box" / "job", cpu__max="400000 100000")
    write(tmp_path / "groups" / "box", cpu__max="300000 100000")
    assert GRANTED(tmp_path / "groups", tmp_path / "membership") == 3


def test_granted_cpus_seen_from_inside_a_container(tmp_path: Path) -> None:
    (tmp_path / "membership").write_text("0::/\n")
    write(tmp_path / "groups", cpu__max="100000 100000")
    assert GRANTED(tmp_path / "groups", tmp_path / "membership") == 1


@pytest.mark.parametrize(("quota", "expected"), [("250000", 3), ("-1", None)])
def test_granted_cpus_of_older_control_groups(
    tmp_path: Path, quota: str, expected: int | None
) -> None:
    (tmp_path / "membership").write_text("4:cpu,cpuacct:/box\n3:memory:/box\n")
    folder = tmp_path / "groups" / "cpu" / "box"
    write(folder, cpu__cfs_quota_us=quota, cpu__cfs_period_us="100000")
    assert GRANTED(tmp_path / "groups", tmp_path / "membership") == expected


def test_granted_cpus_without_control_groups_is_unlimited(tmp_path: Path) -> None:
    assert GRANTED(tmp_path / "groups", tmp_path / "membership") is None


GRANTED = threads.granted_cpus
