"""Prediction from and into memory-mapped files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnfast.layers import Dense, Flatten
from cnnfast.models import Model, Sequential, predict
from exact import dense_by_hand, integers, with_integer_weights

SAMPLES = 75
SIZE = 6


@pytest.fixture
def model() -> Sequential:
    return with_integer_weights(Sequential([Dense(4, input_shape=(SIZE,)), Dense(2)], name="net"))


@pytest.fixture
def x() -> np.ndarray:
    return integers(SAMPLES, SIZE)


@pytest.fixture
def expected(model: Sequential, x: np.ndarray) -> np.ndarray:
    return dense_by_hand(x, model.get_weights())


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the data every 8 samples."""
    monkeypatch.setattr(predict, "CHUNK_BYTES", 8 * SIZE * 4)


def quiet(model: Model, data: Any, **options: Any) -> Any:
    return model.predict(data, verbose=0, **options)


@pytest.fixture
def mapped(tmp_path: Path, x: np.ndarray) -> Path:
    path = tmp_path / "x.npy"
    np.save(path, x)
    return path


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", ">i2"])
@pytest.mark.usefixtures("small_chunks")
def test_predict_mapped_file_gives_the_same(
    model: Sequential, tmp_path: Path, mode: Any, dtype: str
) -> None:
    x = np.abs(integers(SAMPLES, SIZE)).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    data = np.load(tmp_path / "x.npy", mmap_mode=mode)
    assert (quiet(model, data) == dense_by_hand(x, model.get_weights())).all()
    assert (data == x).all()
    part = data[11:50]
    assert (quiet(model, part) == dense_by_hand(x[11:50], model.get_weights())).all()


@pytest.mark.usefixtures("small_chunks")
def test_predict_mapped_copy_on_write_keeps_its_changes(
    model: Sequential, mapped: Path, x: np.ndarray
) -> None:
    data = np.load(mapped, mmap_mode="c")
    data[:] = 1
    assert (quiet(model, data) == dense_by_hand(np.ones_like(x), model.get_weights())).all()
    assert (data == 1).all()


@pytest.mark.usefixtures("small_chunks")
def test_predict_mapped_out_ends_up_in_the_file(
    model: Sequential, tmp_path: Path, x: np.ndarray, expected: np.ndarray
) -> None:
    path = tmp_path / "y.npy"
    out = np.lib.format.open_memmap(path, "w+", np.float32, expected.shape)
    quiet(model, x, out=out)
    assert (out == expected).all()
    out.flush()
    assert (np.load(path) == expected).all()


def resident_bytes(path: Path) -> int:
    """Count the bytes of a mapped file that are in this process's memory."""
    resident, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ")[0]:
            inside = line.endswith(str(path))
        elif inside and line.startswith("Rss:"):
            resident += int(line.split()[1]) * 1024
    return resident


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux's smaps")
@pytest.mark.parametrize("mode", ["r", "r+"])
def test_predict_mapped_file_does_not_stay_in_memory(tmp_path: Path, mode: Any) -> None:
    model = Sequential([Flatten(input_shape=(256, 256)), Dense(1)])
    path = tmp_path / "large.npy"
    array = np.lib.format.open_memmap(path, "w+", np.float32, (256, 256, 256))
    array[:] = 1
    del array
    data = np.load(path, mmap_mode=mode)
    assert float(data[5, 5, 5]) == 1
    quiet(model, data)
    assert resident_bytes(path) <= 2 * predict.CHUNK_BYTES
