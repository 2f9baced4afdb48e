"""The demo's handwritten digits, and the network that Keras trained to read them."""

from __future__ import annotations

from importlib import resources
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnfast.models import Model
from cnnfast.saving import load_model

BRIGHTEST: Final = 16


class Digits(NamedTuple):
    """Images of handwritten digits.

    Attributes:
        images: float32, shape (N, 8, 8, 1), from 0 to 1.
        labels: uint8, shape (N,), the digits they show.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.uint8]


def load_digits() -> Digits:
    """Load the held-out images, which no network was trained on."""
    return _load("digits.npz")


def load_training_digits() -> Digits:
    """Load the other images, in random order."""
    return _load("training.npz")


def load_network() -> Model:
    """Load the network, a file that Keras wrote."""
    with resources.as_file(resources.files("cnnfast.demo") / "digits.keras") as path:
        model: Model = load_model(path)
    return model


def _load(name: str) -> Digits:
    with (
        resources.as_file(resources.files("cnnfast.demo") / name) as path,
        np.load(path) as arrays,
    ):
        images = arrays["images"].astype(np.float32) / np.float32(BRIGHTEST)
        return Digits(images, arrays["labels"])
