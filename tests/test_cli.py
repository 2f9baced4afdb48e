"""The command line: its words, its numbers and its one-line errors."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import cnnfast
from cnnfast import cli, demo
from cnnfast._kernels import dispatch

# What Keras itself reaches on the held-out images.
RIGHT_OF_360 = 357


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Copy the model file of the demo."""
    path = tmp_path / "digits.keras"
    path.write_bytes((resources.files("cnnfast.demo") / "digits.keras").read_bytes())
    return path


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """Save a few images."""
    path = tmp_path / "images.npy"
    np.save(path, demo.load_digits().images[:5])
    return path


def test_info_names_version_instructions_and_threads(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info"]) == 0
    facts = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert facts["cnnfast"] == cnnfast.__version__
    assert facts["instructions"].startswith(dispatch.active())
    assert facts["OpenMP"].startswith("yes" if dispatch.openmp() else "no")
    assert facts["threads"].startswith(str(cnnfast.config.get_num_threads()))
    assert facts["numpy"] == np.__version__


def test_summary_of_a_file_names_its_layers(
    network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["summary", str(network)]) == 0
    shown = capsys.readouterr().out
    assert all(layer.name in shown for layer in cnnfast.load_model(network).layers)


def test_predict_with_output_saves_what_the_model_predicts(network: Path, samples: Path) -> None:
    output = network.with_name("probabilities.npy")
    assert cli.main(["predict", str(network), str(samples), "-o", str(output)]) == 0
    expected = cnnfast.load_model(network).predict(np.load(samples), verbose=0)
    np.testing.assert_array_equal(np.load(output), expected)
    assert {path.name for path in output.parent.iterdir()} == {
        "digits.keras",
        "images.npy",
        "probabilities.npy",
    }


def test_predict_without_output_prints(
    network: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["predict", str(network), str(samples)]) == 0
    assert capsys.readouterr().out.count("[") == 6


def test_predict_several_outputs_are_saved_by_name(tmp_path: Path) -> None:
    both = [np.arange(3.0), np.ones(2)]
    cli.save_outputs(tmp_path / "list.npz", both)
    cli.save_outputs(tmp_path / "dict.npz", {"left": both[0], "right": both[1]})
    with np.load(tmp_path / "list.npz") as listed, np.load(tmp_path / "dict.npz") as named:
        assert sorted(listed) == ["output_0", "output_1"]
        np.testing.assert_array_equal(named["right"], both[1])


def unusable_files(folder: Path) -> dict[str, list[str]]:
    """Make files that no command can use, and the words that name them."""
    np.save(folder / "flat.npy", np.zeros((4, 3), np.float32))
    np.save(folder / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    (folder / "text.keras").write_text("hello")
    (folder / "empty.npy").touch()
    network, images = str(folder / "digits.keras"), str(folder / "images.npy")
    absent = str(folder / "absent")
    return {
        "absent model": ["summary", f"{absent}.keras"],
        "absent samples": ["predict", network, f"{absent}.npy"],
        "no model": ["summary", str(folder / "text.keras")],
        "folder": ["summary", str(folder)],
        "wrong shape": ["predict", network, str(folder / "flat.npy")],
        "pickled samples": ["predict", network, str(folder / "objects.npy")],
        "empty samples": ["predict", network, str(folder / "empty.npy")],
        "no place to save": ["predict", network, images, "-o", str(folder / "none" / "out.npy")],
    }


@pytest.mark.parametrize(
    "case",
    [
        "absent model",
        "absent samples",
        "empty samples",
        "folder",
        "no model",
        "no place to save",
        "pickled samples",
        "wrong shape",
    ],
)
def test_main_unusable_file_is_told_on_one_line(
    case: str, network: Path, samples: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert network.parent == samples.parent
    assert cli.main(unusable_files(network.parent)[case]) == cli.WRONG_USE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("cnnfast: ")
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["dance"], ["predict", "model.keras"]])
def test_main_wrong_words_exit_with_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == cli.WRONG_USE
    assert "usage: cnnfast" in capsys.readouterr().err


def test_module_from_another_directory_runs_as_the_command(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "cnnfast", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout.strip() == f"cnnfast {cnnfast.__version__}"


def test_demo_digits_are_read_as_well_as_by_keras() -> None:
    digits = demo.load_digits()
    probabilities = demo.load_network().predict(digits.images, verbose=0)
    assert np.count_nonzero(probabilities.argmax(axis=1) == digits.labels) == RIGHT_OF_360


def test_demo_shows_accuracy_and_speed(capsys: pytest.CaptureFixture[str]) -> None:
    demo.show(Console(width=100), count=2_000)
    shown = capsys.readouterr().out
    assert f"Read {RIGHT_OF_360} of 360 digits correctly" in shown
    assert "2,000 images in" in shown
    assert dispatch.active() in shown


def test_confusion_counts_label_by_prediction() -> None:
    counts = demo.confusion(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2]), 3)
    np.testing.assert_array_equal(counts, [[1, 0, 0], [0, 1, 1], [0, 0, 1]])


def test_operations_per_image_of_the_demo_are_those_of_its_layers() -> None:
    products = 64 * 9 * 32 + 64 * 9 * 32 * 32 + 16 * 9 * 32 * 64 + 2 * 2 * 64 * 10
    assert demo.operations_per_image(demo.load_network()) == 2 * products


def test_speed_fraction_of_peak_is_useful_work_over_possible_work() -> None:
    speed = demo.Speed(images=100, seconds=2.0, operations=1e6, peak=2e8)
    assert speed.images_per_second == 50
    assert speed.fraction_of_peak == 0.25
