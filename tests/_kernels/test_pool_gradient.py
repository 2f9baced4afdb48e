"""Gradients of pooling against loops over windows."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.pool_gradient import GlobalMaxGradient, PoolingGradient

# (H, W), window, strides, padding (top, bottom, left, right)
WINDOWS = [
    ((6, 8), (2, 2), (2, 2), (0, 0, 0, 0)),
    ((7, 7), (3, 3), (2, 2), (1, 1, 1, 1)),
    ((5, 9), (3, 2), (1, 1), (1, 1, 0, 1)),
    ((1, 11), (1, 4), (1, 3), (0, 0, 1, 1)),
    ((4, 5), (4, 5), (4, 5), (0, 0, 0, 0)),
]


def expected_gradient(
    kind: str, x: np.ndarray, dy: np.ndarray, window: tuple, strides: tuple, padding: tuple
) -> tuple[np.ndarray, np.ndarray]:
    """Return the outputs and the gradient of the inputs, in float64."""
    H, W = x.shape[1:3]
    y, dx = np.zeros(dy.shape), np.zeros(x.shape)
    for n, p, q, c in np.ndindex(dy.shape):
        top, left = p * strides[0] - padding[0], q * strides[1] - padding[2]
        rows = slice(max(top, 0), min(top + window[0], H))
        columns = slice(max(left, 0), min(left + window[1], W))
        pixels = x[n, rows, columns, c]
        if kind == "average":
            y[n, p, q, c] = pixels.mean()
            dx[n, rows, columns, c] += dy[n, p, q, c] / pixels.size
        else:
            r, s = np.unravel_index(pixels.argmax(), pixels.shape)
            y[n, p, q, c] = pixels.max()
            dx[n, rows.start + r, columns.start + s, c] += dy[n, p, q, c]
    return y, dx


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize("case", WINDOWS, ids=str)
def test_pooling_gradient_goes_to_the_first_maximum_or_in_equal_parts(
    isa: str, kind: str, case: tuple, threads: int
) -> None:
    (H, W), window, strides, padding = case
    rng = np.random.default_rng(3)
    P = (H + sum(padding[:2]) - window[0]) // strides[0] + 1
    Q = (W + sum(padding[2:]) - window[1]) // strides[1] + 1
    for channels in {1, 3, dispatch.lanes(), dispatch.lanes() + 1}:
        # Few different values, so that windows hold a maximum more than once.
        x = rng.integers(-2, 3, (2, H, W, channels)).astype(np.float32)
        dy = rng.standard_normal((2, P, Q, channels)).astype(np.float32)
        y, dx = expected_gradient(kind, x, dy, window, strides, padding)
        found = np.full_like(x, 9)
        kernel = PoolingGradient(kind, H, W, channels, window, strides, padding)
        kernel.run(x, y.astype(np.float32), dy, found, threads)
        error = tolerances.float32_sum(window[0] * window[1] + 1, np.abs(dy).max())
        assert np.all(np.abs(found - dx) <= error)


def test_pooling_gradient_of_no_images_does_nothing(isa: str) -> None:
    empty = np.empty((0, 4, 4, 2), np.float32), np.empty((0, 2, 2, 2), np.float32)
    kernel = PoolingGradient("max", 4, 4, 2, (2, 2), (2, 2), (0, 0, 0, 0))
    kernel.run(empty[0], empty[1], empty[1], empty[0], 1)


@pytest.mark.parametrize("channels", [1, 5, 33])
def test_global_max_gradient_is_shared_by_all_maxima(isa: str, channels: int, threads: int) -> None:
    rng = np.random.default_rng(8)
    x = rng.integers(-1, 3, (3, 7, channels)).astype(np.float32)
    dy = rng.standard_normal((3, channels)).astype(np.float32)
    y = x.max(axis=1)
    is_maximum = x == y[:, np.newaxis]
    expected = is_maximum * (dy / is_maximum.sum(axis=1))[:, np.newaxis]
    found = np.full_like(x, 9)
    GlobalMaxGradient(7, channels).run(x, y, dy, found, threads)
    assert np.all(np.abs(found - expected) <= tolerances.roundings(2, expected))
