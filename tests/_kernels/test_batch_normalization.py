"""Batch normalization in training against formulas and differences in float64."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

import reference
import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.batch_normalization import BatchInputGradient, BatchNormalize
from cnnfast._kernels.batch_sums import (
    BatchGradientSums,
    BatchMean,
    BatchSums,
    BatchVariance,
    BetaGradient,
    GammaGradient,
)
from cnnfast._kernels.step_mask import StepMask

EPSILON = 1e-3
STEP = 1e-5
ROWS = (1, 2, 63, 64, 65, 259)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(17)


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def widths() -> list[int]:
    lanes = dispatch.lanes()
    return sorted({1, 3, lanes - 1, lanes, lanes + 1, 4 * lanes, 4 * lanes + 3} - {0})


def normalized(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Normalize rows in the precision of the arrays."""
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + EPSILON) + beta


def slopes(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """Differentiate the sum of dy f(x) by each row of x, by central differences in float64."""
    found = np.empty(x.shape)
    for row in range(len(x)):
        sides = []
        for step in (STEP, -STEP):
            moved = x.astype(np.float64)
            moved[row] += step
            sides.append((dy * f(moved)).sum(axis=0))
        found[row] = (sides[0] - sides[1]) / (2 * STEP)
    return found


@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_batch_sums_any_cut_into_groups_gives_mean_and_variance(
    isa: str, rng: np.random.Generator, offset: float
) -> None:
    for channels in widths():
        for rows in ROWS:
            x = normal(rng, rows, channels) + np.float32(offset)
            exact = x.astype(np.float64)
            totals = np.zeros(2 * channels + 1)
            kernel = BatchSums(1, channels)
            for part in np.array_split(x, 3):
                kernel.run(np.ascontiguousarray(part), totals)
            assert totals[-1] == rows
            mean, variance = np.empty((2, channels), np.float32)
            BatchMean(channels).run(totals, mean)
            BatchVariance(channels).run(totals, variance)
            error = tolerances.float32_sum(64, np.abs(exact).max())
            assert np.all(np.abs(mean - exact.mean(axis=0)) <= error)
            # The error of a block's mean, times its distance from the other blocks' mean.
            spread = np.abs(exact - exact.mean(axis=0)).max()
            error = tolerances.float32_sum(64, spread**2 + 2 * spread * np.abs(exact).max())
            assert np.all(np.abs(variance - exact.var(axis=0)) <= error)


def test_batch_gradient_sums_add_up_to_gradients_of_gamma_and_beta(
    isa: str, rng: np.random.Generator
) -> None:
    for channels in widths():
        for rows in ROWS:
            x, dy = normal(rng, 2, rows, channels)
            mean, variance = x.mean(axis=0), x.var(axis=0)
            totals = np.zeros(2 * channels + 1)
            BatchGradientSums(1, channels).run(dy, x, mean, totals)
            old = normal(rng, 2, channels)
            found = old.copy()
            GammaGradient(channels, EPSILON).run(totals, variance, found[0])
            BetaGradient(channels).run(totals, found[1])
            centered = x.astype(np.float64) - mean
            inverse = 1 / np.sqrt(variance.astype(np.float64) + EPSILON)
            terms = dy * centered * inverse, dy.astype(np.float64)
            for one, before, term in zip(found, old, terms, strict=True):
                magnitude = np.abs(before) + np.abs(term).sum(axis=0)
                error = tolerances.float32_dot(64, magnitude)
                assert np.all(np.abs(one - (before + term.sum(axis=0))) <= error)


@pytest.mark.parametrize("activation", ["linear", "relu", "gelu"])
def test_batch_normalize_applies_statistics_weights_and_activation(
    isa: str, rng: np.random.Generator, activation: str
) -> None:
    given = (activation, 0.0, np.inf if activation == "relu" else 0.0, 0.0)
    for channels in widths():
        x, (gamma, beta) = normal(rng, 65, channels), normal(rng, 2, channels)
        mean, variance = x.mean(axis=0), x.var(axis=0)
        for scale, shift in ((gamma, beta), (None, beta), (gamma, None), (None, None)):
            y = np.empty_like(x)
            BatchNormalize(13, channels, scale, shift, EPSILON, given).run(x, mean, variance, y)
            factor = (1.0 if scale is None else scale.astype(np.float64)) / np.sqrt(
                variance.astype(np.float64) + EPSILON
            )
            linear = factor * (x.astype(np.float64) - mean) + (0.0 if shift is None else shift)
            expected = reference.activate(linear, given)
            magnitude = np.abs(factor) * (np.abs(x) + np.abs(mean)) + np.abs(linear)
            # Slopes of the activations are below 1.2.
            error = tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, 2 * magnitude + 1)
            assert np.all(np.abs(y - expected) <= error)


def test_batch_input_gradient_is_the_slope_through_the_statistics(
    isa: str, rng: np.random.Generator
) -> None:
    for channels in widths():
        x, dy = normal(rng, 2, 7, channels)
        gamma, beta = normal(rng, 2, channels)
        expected = slopes(partial(normalized, gamma=gamma, beta=beta), x, dy)
        mean, variance = x.mean(axis=0), x.var(axis=0)
        totals, dx = np.zeros(2 * channels + 1), np.empty_like(x)
        BatchGradientSums(1, channels).run(dy, x, mean, totals)
        kernel = BatchInputGradient(1, channels, gamma, EPSILON)
        kernel.run(x, dy, mean, variance, totals, dx)
        scale = np.abs(gamma) / np.sqrt(variance + EPSILON)
        magnitude = scale * (np.abs(dy).max() * (2 + np.abs((x - mean) ** 2).max()))
        # Statistics are rounded to float32; differences err by STEP^2 and 1e-16 / STEP.
        error = tolerances.float32_dot(64, magnitude / (variance + EPSILON)) + 1e-7
        assert np.all(np.abs(dx - expected) <= error)


def test_batch_input_gradient_in_the_place_of_dy_gives_the_same(
    isa: str, rng: np.random.Generator
) -> None:
    x, dy = normal(rng, 2, 9, 5)
    totals, dx = np.zeros(11), np.empty_like(x)
    mean, variance = x.mean(axis=0), x.var(axis=0)
    BatchGradientSums(1, 5).run(dy, x, mean, totals)
    kernel = BatchInputGradient(1, 5, None, EPSILON)
    kernel.run(x, dy, mean, variance, totals, dx)
    kernel.run(x, dy, mean, variance, totals, dy)
    np.testing.assert_array_equal(dx, dy)


MASKS = {
    "padding": [1, 1, 1, 1, 0, 0, 0],
    "holes": [0, 1, 0, 0, 1, 1, 0],
    "one": [0, 0, 0, 1, 0, 0, 0],
    "all": [1] * 7,
    "none": [0] * 7,
}


def masked_normalized(x: np.ndarray, counts: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """Normalize all rows by the statistics of some, as Keras does where there may be none."""
    number = counts.sum() + 1e-7
    mean = x[counts].sum(axis=0) / number
    variance = ((x[counts] - mean) ** 2).sum(axis=0) / number
    return gamma * (x - mean) / np.sqrt(variance + EPSILON)


@pytest.mark.parametrize("name", MASKS)
def test_masked_statistics_and_their_gradient_are_those_of_the_rows_that_count(
    isa: str, rng: np.random.Generator, name: str
) -> None:
    mask = np.array(MASKS[name], np.float32)
    counts = mask != 0
    for channels in widths():
        x, dy = normal(rng, 2, 7, channels)
        gamma = normal(rng, channels)
        exact, totals = x.astype(np.float64), np.zeros(2 * channels + 1)
        for part in (slice(0, 3), slice(3, 7)):
            BatchSums(1, channels, True).run(x[part], totals, mask[part])
        assert totals[-1] == counts.sum()
        mean, variance = np.empty((2, channels), np.float32)
        BatchMean(channels, 1e-7).run(totals, mean)
        BatchVariance(channels, 1e-7).run(totals, variance)
        chosen = exact[counts] if counts.any() else np.zeros((1, channels))
        error = tolerances.float32_sum(64, 1 + np.abs(exact).max() ** 2)
        assert np.all(np.abs(mean - chosen.mean(axis=0)) <= error)
        assert np.all(np.abs(variance - chosen.var(axis=0)) <= 2 * error)
        expected = slopes(partial(masked_normalized, counts=counts, gamma=gamma), x, dy)
        products, dx = np.zeros(2 * channels + 1), np.empty_like(x)
        BatchGradientSums(1, channels).run(dy, x, mean, products)
        kernel = BatchInputGradient(1, channels, gamma, EPSILON, True)
        kernel.run(x, dy, mean, variance, products, dx, mask, totals)
        scale = np.abs(gamma) / np.sqrt(variance + EPSILON)
        magnitude = scale * (np.abs(dy).max() * (2 + 7 * np.abs((x - mean) ** 2).max()))
        # Statistics are rounded to float32; differences err by STEP^2, times what the variance
        # may shrink to, and 1e-16 / STEP.
        error = tolerances.float32_dot(64, magnitude / (variance + EPSILON)) + 1e-7
        error += STEP**2 * magnitude / (variance + EPSILON) ** 2
        assert np.all(np.abs(dx - expected) <= error)


def test_masked_variance_of_one_row_that_counts_is_none_however_large_the_row(isa: str) -> None:
    x, mask = np.full((3, 5), 300.0, np.float32), np.array([0, 1, 0], np.float32)
    totals, variance = np.zeros(11), np.empty(5, np.float32)
    BatchSums(1, 5, True).run(x, totals, mask)
    BatchVariance(5, 1e-7).run(totals, variance)
    # The mean is wrong by 1e-7 of itself; squares are rounded in float64.
    assert np.all(variance <= (300 * 1e-7) ** 2 + 4 * 2.0**-53 * 300**2)


def test_step_mask_tells_steps_from_padding_even_where_a_number_is_missing() -> None:
    steps = np.array([[0, 0], [0, 1], [np.nan, 0], [0.5, 0.5], [-0.0, 0]], np.float32)
    for value, expected in ((0.0, [0, 1, 1, 1, 0]), (0.5, [1, 1, 1, 0, 1])):
        found = np.empty(5, np.float32)
        StepMask(5, 2, value).run(steps, found)
        np.testing.assert_array_equal(found, expected)
