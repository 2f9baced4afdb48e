"""Means over the steps that count, and their gradient, against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from cnnfast._kernels.masked_mean import MaskedMean, MaskedMeanGradient

SIZES = [(1, 1), (1, 17), (2, 3), (7, 16), (31, 33), (257, 5)]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def some_masks(rng: np.random.Generator, sequences: int, steps: int) -> np.ndarray:
    """Let all steps count in the first sequence, one in the second, any in others."""
    masks = (rng.random((sequences, steps, 1)) < 0.5).astype(np.float32)
    masks[0], masks[1] = 1, 0
    masks[:, -1] = 1
    return masks


@pytest.mark.parametrize(("steps", "channels"), SIZES)
def test_mean_of_steps_that_count(rng, threads, steps, channels):
    x = rng.standard_normal((5, steps, channels), dtype=np.float32)
    masks, found = some_masks(rng, 5, steps), np.empty((5, channels), np.float32)
    MaskedMean(steps, channels).run(x, masks, found, threads)
    exact = (x.astype(np.float64) * masks).sum(axis=1) / masks.sum(axis=1, dtype=np.float64)
    assert np.all(np.abs(found - exact) <= tolerances.roundings(1.01, exact))


@pytest.mark.parametrize(("steps", "channels"), SIZES)
def test_gradient_is_that_of_finite_differences(rng, threads, steps, channels):
    dy = rng.standard_normal((5, channels), dtype=np.float32)
    masks, found = some_masks(rng, 5, steps), np.empty((5, steps, channels), np.float32)
    MaskedMeanGradient(steps, channels).run(dy, masks, found, threads)

    def means(x: np.ndarray) -> np.ndarray:
        return (x * masks).sum(axis=1) / masks.sum(axis=1, dtype=np.float64)

    # A mean is linear, so that a step of 1 differs by nothing but roundings.
    exact = np.empty(found.shape)
    for step in range(steps):
        moved = np.zeros((5, steps, channels))
        moved[:, step] = 1
        exact[:, step] = dy * (means(moved) - means(0 * moved))
    assert np.all(np.abs(found - exact) <= tolerances.roundings(1.01, exact))


def test_padding_is_not_read_and_nothing_but_padding_has_no_mean():
    x = np.array([[[np.nan], [2.0]], [[1.0], [1.0]]], np.float32)
    masks = np.array([[[0], [1]], [[0], [0]]], np.float32)
    found, passed = np.empty((2, 1), np.float32), np.empty((2, 2, 1), np.float32)
    MaskedMean(2, 1).run(x, masks, found, 1)
    np.testing.assert_array_equal(found, [[2.0], [np.nan]])
    MaskedMeanGradient(2, 1).run(np.ones((2, 1), np.float32), masks, passed, 1)
    np.testing.assert_array_equal(passed, [[[0], [1]], [[0], [0]]])


def test_no_sequences_are_fine():
    empty = np.empty((0, 3, 4), np.float32)
    MaskedMean(3, 4).run(empty, empty[..., :1], np.empty((0, 4), np.float32), 2)
    MaskedMeanGradient(3, 4).run(np.empty((0, 4), np.float32), empty[..., :1], empty, 2)
