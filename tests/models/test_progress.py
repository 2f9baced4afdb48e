"""The progress bar of `predict`."""

from __future__ import annotations

import io
import re
import sys

import numpy as np
import pytest

from cnnfast.layers import Dense
from cnnfast.models import Sequential
from cnnfast.models.progress import Progress, format_seconds

TIME = r"\d+(s|ms|us)/step"


class Terminal(io.StringIO):
    """A text stream that claims to be a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def model() -> Sequential:
    return Sequential([Dense(2, input_shape=(3,))])


@pytest.mark.parametrize("verbose", ["auto", 1, True])
def test_predict_verbose_prints_one_line_into_a_file(
    model: Sequential, capsys: pytest.CaptureFixture[str], verbose: str | int
) -> None:
    model.predict(np.ones((100, 3)), verbose=verbose)
    assert re.fullmatch(rf"4/4 ━{{20}} 0s {TIME}\n", capsys.readouterr().out)


def test_predict_verbose_two_prints_a_line_without_bar(
    model: Sequential, capsys: pytest.CaptureFixture[str]
) -> None:
    model.predict(np.ones((100, 3)), verbose=2)
    assert re.fullmatch(rf"4/4 - 0s - {TIME}\n", capsys.readouterr().out)


def test_predict_batches_of_unknown_number_are_counted(
    model: Sequential, capsys: pytest.CaptureFixture[str]
) -> None:
    model.predict(iter([np.ones((4, 3))] * 3))
    assert capsys.readouterr().out.startswith("3/3 ━")


def test_progress_on_a_terminal_redraws_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr("cnnfast.models.progress.SECONDS_BETWEEN_UPDATES", 0.0)
    progress = Progress(4, 1)
    for step in (1, 2, 4):
        progress.update(step)
    progress.finish()
    drawn = [line.rstrip() for line in terminal.getvalue().split("\r")]
    assert [line.count("━") for line in drawn] == [0, 5, 10, 20, 20]
    assert [line.split(" ")[0] for line in drawn] == ["", "1/4", "2/4", "4/4", "4/4"]
    assert terminal.getvalue().endswith("\n")


def test_progress_of_unknown_length_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr("cnnfast.models.progress.SECONDS_BETWEEN_UPDATES", 0.0)
    Progress(None, 1).update(3)
    assert "3/Unknown" in terminal.getvalue()


def test_progress_without_unicode_draws_equals_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    progress = Progress(1, 1)
    progress.update(1)
    progress.finish()
    stream.seek(0)
    assert stream.read().startswith("1/1 " + "=" * 20)


def test_progress_without_stdout_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    progress = Progress(1, 1)
    progress.update(1)
    progress.finish()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0s"), (59, "59s"), (125, "2:05"), (3607, "1:00:07")]
)
def test_format_seconds_up_to_hours(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
