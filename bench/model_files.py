"""A model as two files that cnnfast and Keras both read: its config and its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import weights

CONFIG = "model.json"
WEIGHTS = "weights.bin"


def save(model: Any, folder: str) -> None:
    """Write a model of cnnfast or Keras into a folder."""
    Path(folder, CONFIG).write_text(model.to_json())
    with Path(folder, WEIGHTS).open("wb") as file:
        for values in model.get_weights():
            values.tofile(file)


def load(folder: str, model_from_json: Callable[[str], Any]) -> Any:
    """Read a model from a folder.

    Args:
        folder: where `save` wrote.
        model_from_json: of the library that is to build it.
    """
    model = model_from_json(Path(folder, CONFIG).read_text())
    weights.assign(model, stored(Path(folder, WEIGHTS), model.weights))
    return model


def stored(path: Path, variables: Iterable[Any]) -> Iterator[NDArray[Any]]:
    """Map the values of variables one after the other, as they lie in a file.

    Arrays read into memory and freed again would leave holes between those that the library
    keeps, some 50 MB of ResNet50's peak. What counts is the library's memory, not its loader's.
    """
    offset = 0
    for variable in variables:
        values = np.memmap(path, variable.dtype, "r", offset, tuple(variable.shape))
        yield values
        offset += values.nbytes
