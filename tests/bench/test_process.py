from __future__ import annotations

from bench import process


def test_choose_cpus_takes_cores_before_their_second_threads(monkeypatch) -> None:
    siblings = {0: "0,4", 1: "1,5", 4: "0,4", 5: "1,5"}
    monkeypatch.setattr(
        process, "read", lambda path: siblings[int(path.parts[5].removeprefix("cpu"))]
    )
    assert process.choose_cpus({0, 4, 1, 5}, 2) == {0, 1}
    assert process.choose_cpus({0, 4, 1, 5}, 3) == {0, 1, 4}
    assert process.choose_cpus({0, 4}, 8) == {0, 4}


def test_settle_of_a_resting_process_says_so() -> None:
    assert process.settle(30.0)


def test_described_error_is_one_line() -> None:
    assert process.described(ValueError("a\nb")) == "ValueError: a"
    assert process.described(ValueError()) == "ValueError"


def test_peak_memory_is_at_least_what_is_held() -> None:
    held = bytearray(30_000_000)
    held[::4096] = b"x" * len(held[::4096])
    assert process.peak_memory() > 30
