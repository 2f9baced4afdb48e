"""The most memory that a process holds while it loads a model and plans it, as Linux counts."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import cnnfast
from cnnfast.layers import BatchNormalization, Conv2D, Dense

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads and writes /proc/self")

# Three matrices of 16.8 MB: by their side, objects and what the allocator keeps are little.
WIDTH = 2048
WEIGHTS = 3 * 4.0 * WIDTH**2
# What is on its way from the file, and what malloc does not give back.
SPARE = 0.2

# Libraries are there, whole, before the counting begins.
PROGRAM = """
import h5py, sys, numpy, numpy.random
import cnnfast
from cnnfast import saving

def kilobytes(key):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key))

def begin():
    open("/proc/self/clear_refs", "w").write("5")   # VmHWM begins anew
    return kilobytes("VmRSS")

def wide(layers):
    made = [cnnfast.Input(({width},)), *layers]
    return cnnfast.Sequential(made)

path = sys.argv[1]
"""


def peak_growth(body: str, path: Path) -> float:
    """Run a program, and return by how many times `WEIGHTS` its memory grew after `begin()`."""
    program = PROGRAM.replace("{width}", str(WIDTH)) + textwrap.dedent(body)
    program += "\nprint(1024 * (kilobytes('VmHWM') - before))\n"
    run = [sys.executable, "-c", program, str(path)]
    result = subprocess.run(run, capture_output=True, text=True, check=False, timeout=120)
    if "PermissionError" in result.stderr:
        pytest.skip("this system does not let a process reset its peak")
    assert result.returncode == 0, result.stderr
    return int(result.stdout) / WEIGHTS


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layers = [Dense(WIDTH, use_bias=False, kernel_initializer="zeros") for _ in range(3)]
    model = cnnfast.Sequential([cnnfast.Input((WIDTH,)), *layers])
    path = tmp_path_factory.mktemp("saved") / "wide.keras"
    model.save(path)
    return path


def test_load_model_holds_the_weights_once(saved: Path) -> None:
    growth = peak_growth(
        """
        before = begin()
        model = cnnfast.models.load_model(path)
        """,
        saved,
    )
    assert growth < 1 + SPARE, growth


def test_load_weights_of_a_new_model_draws_no_values_before(saved: Path) -> None:
    growth = peak_growth(
        """
        before = begin()
        model = wide(cnnfast.layers.Dense({width}, use_bias=False) for _ in range(3))
        model.load_weights(path)
        """.replace("{width}", str(WIDTH)),
        saved,
    )
    assert growth < 1 + SPARE, growth


def test_plan_with_folded_normalization_holds_packed_weights_alone(tmp_path: Path) -> None:
    layers = [
        layer
        for _ in range(3)
        for layer in (Conv2D(WIDTH, 1, use_bias=False), BatchNormalization())
    ]
    model = cnnfast.Sequential([cnnfast.Input((1, 1, WIDTH)), *layers])
    model.save(tmp_path / "folded.keras")
    growth = peak_growth(
        """
        before = begin()
        model = cnnfast.models.load_model(path)
        model.predict_on_batch(numpy.zeros((1, *model.input_shape[1:]), "float32"))
        """,
        tmp_path / "folded.keras",
    )
    # The variables and the packed weights; a folded filter goes once it is packed.
    assert growth < 1 + 1 + 1 / 3 + SPARE, growth


def test_load_model_holds_the_state_of_its_optimizer_once(tmp_path: Path) -> None:
    layers = [Dense(WIDTH, use_bias=False, kernel_initializer="zeros") for _ in range(3)]
    model = cnnfast.Sequential([cnnfast.Input((WIDTH,)), *layers])
    model.compile("adam", "mse")
    nothing = np.zeros((2, WIDTH), np.float32)
    model.train_on_batch(nothing, nothing)
    model.save(tmp_path / "trained.keras")
    growth = peak_growth(
        """
        from cnnfast import losses, metrics, optimizers
        before = begin()
        model = cnnfast.models.load_model(path)
        """,
        tmp_path / "trained.keras",
    )
    # Weights, momentum and velocity; each array of the state is read before it is copied.
    assert growth < 3 + 1 / 3 + SPARE, growth
