"""The gradients that optimizers are tried on, here and in Keras."""

from __future__ import annotations

import numpy as np

SHAPES = ((3, 2), (3,))
STEPS = 50
KEPT = (1, 2, 3, 10, 25, 50)


def first_weights() -> list[np.ndarray]:
    """Return the weights at the start: multiples of 1/64, one of them 0."""
    stream = np.random.RandomState(3)
    weights = [(stream.randint(-64, 65, shape) / 64).astype("float32") for shape in SHAPES]
    weights[1][0] = 0.0
    return weights


def gradients(step: int) -> list[np.ndarray]:
    """Return the gradients of a step: large, small, sometimes zero, and always zero for one."""
    stream = np.random.RandomState(100 + step)
    drawn = [(stream.randint(-128, 129, shape) / 64).astype("float32") for shape in SHAPES]
    drawn[0][1] *= np.float32(1 / 1024)
    drawn[0][2, 0] *= step % 3 == 0
    drawn[1][2] = 0.0
    return drawn
