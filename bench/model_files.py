"""A model as two files that cnnfast and Keras both read: its config and its weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench import weights

CONFIG = "model.json"
WEIGHTS = "weights.npy"


def save(model: Any, folder: str) -> None:
    """Write a model of cnnfast or Keras into a folder."""
    Path(folder, CONFIG).write_text(model.to_json())
    with Path(folder, WEIGHTS).open("wb") as file:
        for values in model.get_weights():
            np.save(file, values)


def load(folder: str, model_from_json: Callable[[str], Any]) -> Any:
    """Read a model from a folder.

    Args:
        folder: where `save` wrote.
        model_from_json: of the library that is to build it.
    """
    model = model_from_json(Path(folder, CONFIG).read_text())
    with Path(folder, WEIGHTS).open("rb") as file:
        # One after the other: what counts is the library's memory, not that of its loader.
        weights.assign(model, (np.load(file) for _ in model.weights))
    return model
