"""The kernels of the backward pass in the NEON table against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances
from cnnfast.ops.gradients import follows_output
from neonharness import Harness, assert_within, normal

pytestmark = pytest.mark.neon

STEP = 1e-5
DIFFERENCE_ERROR = 1e-9
PARAMETERS = {
    "relu": (0.2, 3.0, 0.0),
    "celu": (1.3, 0.0, 0.0),
    "elu": (0.7, 0.0, 0.0),
    "hard_sigmoid": (0.2, 0.5, 0.0),
    "hard_silu": (1 / 6, 0.5, 0.0),
    "squareplus": (4.0, 0.0, 0.0),
}


def test_outer_every_tile_adds_the_product(harness: Harness, rng: np.random.Generator) -> None:
    for name, vectors in zip(harness.names("outer"), (1, 2), strict=True):
        widest = vectors * harness.lanes
        for rows in range(1, harness.gemm_rows + 1):
            for filters in (widest - harness.lanes + 1, widest):
                a, b = normal(rng, 3, 4, rows), normal(rng, 3, 4, filters)
                old = normal(rng, rows, filters)
                grid = (3, 4, 4 * rows, rows, 4 * filters, filters)
                numbers = (rows, filters, filters, *grid, a.size)
                found = harness.run("outer", name, numbers, old, a, b)
                left = a.reshape(12, rows).astype(np.float64).T
                right = b.reshape(12, filters).astype(np.float64)
                magnitude = np.abs(old) + np.abs(left) @ np.abs(right)
                error = tolerances.float32_dot(13, magnitude)
                assert_within(found.reshape(rows, filters), old + left @ right, error)


def test_activation_gradient_is_the_slope(harness: Harness, rng: np.random.Generator) -> None:
    for name in harness.names("activation_gradient"):
        parameters = PARAMETERS.get(name, (0.5, 0.25, 0.0))
        activation = (name, *parameters)
        # No corner of a piecewise line is nearer than the step.
        x = (np.round(rng.uniform(-5, 5, 61) * 64) / 64 + 1 / 256).astype(np.float32)
        dy, exact = normal(rng, 61), x.astype(np.float64)
        y = reference.activate(exact, activation)
        above, below = (reference.activate(exact + step, activation) for step in (STEP, -STEP))
        given = y.astype(np.float32) if follows_output(activation) else x
        found = harness.run("activation_gradient", name, (), np.array(parameters), given, dy)
        terms = 1 + np.abs(exact) + np.abs(y)
        error = tolerances.roundings(8 * tolerances.COMPOSITE_ROUNDINGS, terms) + DIFFERENCE_ERROR
        assert_within(found, dy * (above - below) / (2 * STEP), np.abs(dy) * error + 1e-37)


@pytest.mark.parametrize("kind", ["max", "average"])
def test_pool_gradient_goes_to_the_first_maximum_or_in_equal_parts(
    harness: Harness, rng: np.random.Generator, kind: str
) -> None:
    for channels in harness.sizes():
        x = rng.integers(-2, 3, (2, 7, channels)).astype(np.float32)
        old, dy = normal(rng, 2, 7, channels), normal(rng, 3, channels)
        windows = [x[:, 2 * q : 2 * q + 3].reshape(6, channels) for q in range(3)]
        y = np.stack([window.max(axis=0) for window in windows])
        expected = old.astype(np.float64)
        for q, window in enumerate(windows):
            shares = np.full(window.shape, 1 / 6)
            if kind == "max":
                shares = np.arange(6)[:, np.newaxis] == window.argmax(axis=0)
            expected[:, 2 * q : 2 * q + 3] += (shares * dy[q]).reshape(2, 3, channels)
        scale = [1.0] if kind == "max" else [1 / 6]
        numbers = (2 * channels, 2, 7 * channels, 3, channels, 3, channels, x.size)
        found = harness.run("pool_gradient", kind, numbers, np.array(scale), old, x, y, dy)
        error = tolerances.float32_sum(8, np.abs(old).max() + 6 * np.abs(dy).max())
        assert_within(found.reshape(expected.shape), expected, error)


@pytest.mark.parametrize("taps", [(r, s) for r in (1, 2, 3) for s in range(1, 6) if r * s <= 10])
def test_taps_add_the_sum_over_pixels(
    harness: Harness, rng: np.random.Generator, taps: tuple[int, int]
) -> None:
    R, S = taps
    for channels in harness.sizes():
        # Rows of pixels lie 2 apart, columns 1; taps are neighbours in rows and 2 apart in them.
        x, dy = normal(rng, 4 + R, 2 + 2 * S, channels), normal(rng, 3, 2, channels)
        old = normal(rng, R, S, channels)
        row = x[0].size
        grid = (3, 2, 2 * row, channels, 2 * channels, channels)
        numbers = (row, 2 * channels, *grid, S * channels, channels, old.size, x.size)
        found = harness.run("taps", f"{R}x{S}", numbers, old, x, dy)
        seen = np.array(
            [[x[r : r + 5 : 2, 2 * s : 2 * s + 2] for s in range(S)] for r in range(R)], np.float64
        )
        products = seen * dy
        error = tolerances.float32_dot(7, np.abs(old) + np.abs(products).sum(axis=(2, 3)))
        assert_within(found.reshape(old.shape), old + products.sum(axis=(2, 3)), error)
