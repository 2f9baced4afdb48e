"""Weights that keep activations at about their size, drawn from a seed: nobody is trained here."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def seed(model: Any, name: str) -> None:
    """Give a model of cnnfast or Keras weights that depend on nothing but a name."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    assign(model, (draw(random, each.name, tuple(each.shape)) for each in model.weights))


def assign(model: Any, values: Iterable[Any]) -> None:
    """Set all weights of a model of cnnfast or Keras, in the order of its `weights`.

    Keras's Normalization computes with copies of its weights and has to be told.
    """
    for variable, value in zip(model.weights, values, strict=True):
        variable.assign(value)
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def draw(random: np.random.Generator, name: str, shape: tuple[int, ...]) -> Array:
    """Draw one weight.

    Args:
        random: goes on with each weight.
        name: of the variable, as Keras calls it.
        shape: of the variable.

    Returns:
        For kernels, normal numbers of variance 2 / (inputs of a sum), after He et al. (2015),
        arXiv:1502.01852; scales and variances near 1; all else near 0.
    """
    values = random.standard_normal(shape, dtype=np.float32)
    if len(shape) > 1:
        return values * np.float32((2.0 / terms(name, shape)) ** 0.5)
    near_one = name.rpartition("/")[2].partition(":")[0] in ("gamma", "moving_variance", "variance")
    return np.abs(1 + np.float32(0.1) * values) if near_one else np.float32(0.1) * values


def terms(name: str, shape: tuple[int, ...]) -> int:
    """Count the products in each sum that a kernel makes."""
    is_depthwise = "depthwise" in name or (len(shape) == 4 and shape[3] == 1)
    window = int(np.prod(shape[:-2])) if len(shape) > 2 else 1
    return max(1, window if is_depthwise else window * shape[-2])
