"""The option that holds engines to an older instruction set reaches their processes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from unittest import mock

import fake_engines
import pytest

from bench import __main__ as command
from bench import instruction_sets, race
from bench.worker import Worker
from cnnfast._kernels import dispatch

pytestmark = pytest.mark.skipif(
    "avx2" not in dispatch.available(), reason="the machine has no AVX2"
)


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    """Let a test hold this process to anything, and none of the others notice."""
    before = dispatch.active()
    with mock.patch.dict(os.environ):
        for name in instruction_sets.SWITCHES["avx2"]:
            os.environ.pop(name, None)
        yield
    dispatch.select(before)


def held_to() -> str:
    worker = Worker("held", "", 1, maker=fake_engines.make)
    worker.close()
    return worker.version


def test_hold_to_reaches_this_process_and_those_it_starts() -> None:
    assert held_to() == "nothing"
    instruction_sets.hold_to("avx2")
    assert held_to() == "AVX2"
    assert dispatch.active() == "avx2"


@pytest.mark.parametrize(("arguments", "expected"), [([], ""), (["--isa", "avx2"], "avx2")])
def test_command_holds_to_what_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: str
) -> None:
    found: list[str] = []
    monkeypatch.setattr(sys, "argv", ["bench", "race", *arguments])
    monkeypatch.setattr(race, "main", lambda options: found.append(options.isa or ""))
    monkeypatch.setattr(instruction_sets, "hold_to", found.append)
    command.main()
    assert found == [expected] * (1 + bool(expected))


def test_command_refuses_instruction_sets_without_switches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "race", "--isa", "avx1"])
    with pytest.raises(SystemExit):
        command.main()
    assert "avx2" in capsys.readouterr().err
