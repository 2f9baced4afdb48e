"""What `cnnfast demo --train` prints and leaves behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cnnfast
from cnnfast import cli
from cnnfast.demo import load_digits, report, training


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """End training after two epochs."""

    def train(*arguments: object) -> training.Lesson:
        return training.train(*arguments, epochs=2)

    monkeypatch.setattr(report, "train", train)


@pytest.mark.usefixtures("brief")
def test_demo_train_shows_and_saves_what_it_learned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "place"
    assert cli.main(["demo", "--train", "--output", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == sorted([report.MODEL, report.PICTURE])
    digits = load_digits()
    probabilities = cnnfast.load_model(folder / report.MODEL).predict(digits.images, verbose=0)
    right = np.count_nonzero(probabilities.argmax(axis=1) == digits.labels)
    assert f"Read {right} of 360 digits" in shown
    unwrapped = " ".join(shown.split())
    for words in ("Epoch 2/2", "val_accuracy", "images per second", "Total params"):
        assert words in unwrapped
    assert all(str(folder / name) in shown for name in (report.MODEL, report.PICTURE))


@pytest.mark.parametrize("name", [report.MODEL, report.PICTURE])
def test_demo_train_leaves_foreign_files_and_trains_nothing(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("mine")
    assert cli.main(["demo", "--train", "-o", str(tmp_path)]) == cli.WRONG_USE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert name in shown.err
    assert "--output" in shown.err
    assert (tmp_path / name).read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_demo_output_without_train_is_told_on_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["demo", "-o", str(tmp_path)]) == cli.WRONG_USE
    assert "--train" in capsys.readouterr().err
