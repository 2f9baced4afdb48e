"""The kernels of layers that differ in training, in the NEON table, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances
from neonharness import Harness, assert_within, normal

pytestmark = pytest.mark.neon

KEY, COUNTERS, THRESHOLD = (77, 5), (3, 4, 9), 2**30


def widths(harness: Harness) -> tuple[int, ...]:
    return (1, harness.lanes, 4 * harness.lanes, 4 * harness.lanes + 1, 61)


def test_column_moments_are_about_the_columns_mean(
    harness: Harness, rng: np.random.Generator
) -> None:
    for columns in widths(harness):
        x = normal(rng, 7, columns)
        found = harness.run("column_moments", "column_moments", (7, columns), x)
        exact = x.astype(np.float64)
        squares = (exact - exact.mean(axis=0)) ** 2
        error = tolerances.float32_dot(7, (np.abs(exact) + 4 * exact**2).sum(axis=0).max())
        assert_within(found, np.concatenate([exact.sum(axis=0), squares.sum(axis=0)]), error)


def test_column_products_are_with_the_distance_from_the_mean(
    harness: Harness, rng: np.random.Generator
) -> None:
    for columns in widths(harness):
        mean, dy, x = normal(rng, columns), normal(rng, 7, columns), normal(rng, 7, columns)
        found = harness.run("column_products", "column_products", (7, columns), mean, dy, x)
        products = dy.astype(np.float64) * (x.astype(np.float64) - mean)
        expected = np.concatenate([dy.astype(np.float64).sum(axis=0), products.sum(axis=0)])
        magnitude = (np.abs(dy) * (1 + np.abs(x) + np.abs(mean))).sum(axis=0).max()
        assert_within(found, expected, tolerances.float32_dot(7, magnitude))


def test_normalize_gradient_is_a_line_of_both(harness: Harness, rng: np.random.Generator) -> None:
    for channels in harness.sizes():
        period = -(-harness.lanes // channels) * channels
        constants = normal(rng, 4, channels)
        repeated = np.tile(constants, period + harness.lanes)[:, : period + harness.lanes]
        x, dy = normal(rng, 5 * channels), normal(rng, 5 * channels)
        found = harness.run("normalize_gradient", "normalize_gradient", (period,), repeated, x, dy)
        mean, a, b, c = np.tile(constants.astype(np.float64), 5)
        magnitude = np.abs(a * dy) + np.abs(b) * (np.abs(x) + np.abs(mean)) + np.abs(c)
        assert_within(found, a * dy + (b * (x - mean) + c), tolerances.roundings(4, magnitude))


def test_noise_draws_what_other_machines_draw(harness: Harness, rng: np.random.Generator) -> None:
    for size in (1, 64, 131):
        x, key = normal(rng, size), KEY[0] + KEY[1] * 2**32
        numbers = (*KEY, *COUNTERS, THRESHOLD)
        bits = reference.random_bits(key, np.array(COUNTERS), size)
        z = reference.random_normal(key, np.array(COUNTERS), size)
        given = np.array([2.0, 0.25, -1.0])
        found = harness.run("noise", "dropout", numbers, given, x)
        expected = np.where(bits >= THRESHOLD, x.astype(np.float64) * 2.0 + 0.25, -1.0)
        assert_within(found, expected, tolerances.roundings(2, 2 * np.abs(x) + 1))
        error = tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS + 4, 2 * np.abs(z) + 1)
        found = harness.run("noise", "gaussian_noise", numbers, given, x)
        assert_within(found, x + 2 * z, error + tolerances.roundings(2, np.abs(x)))
        found = harness.run("noise", "gaussian_dropout", numbers, given, x)
        assert_within(found, x * (1 + 2 * z), np.abs(x) * error + tolerances.roundings(2, x))
