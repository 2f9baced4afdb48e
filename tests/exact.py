"""Models whose results are exact: small integers, which float32 adds in any order without error."""

from __future__ import annotations

from typing import Any

import numpy as np

LARGEST = 4


def integers(*shape: int, seed: int = 0) -> np.ndarray:
    """Draw float32 whole numbers of magnitude LARGEST at most."""
    drawn = np.random.default_rng(seed).integers(-LARGEST, LARGEST + 1, shape)
    return drawn.astype(np.float32)


def with_integer_weights(owner: Any, seed: int = 1) -> Any:
    """Give a built layer or model whole numbers as weights and return it."""
    owner.set_weights([integers(*v.shape, seed=seed + i) for i, v in enumerate(owner.weights)])
    return owner


def dense_by_hand(inputs: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """Apply matrices and biases one after the other."""
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        inputs = inputs @ kernel + bias
    return inputs
