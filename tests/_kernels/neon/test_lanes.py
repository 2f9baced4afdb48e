"""The kernels with the batch in the lanes of the NEON table against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from cnnfast._kernels.quads import products_of
from cnnfast.ops.quads import weights_of
from neonharness import Harness, assert_within, normal

pytestmark = pytest.mark.neon


@pytest.mark.parametrize("filters", [1, 2])
@pytest.mark.parametrize(("name", "vectors"), [("one_vector", 1), ("four_vectors", 4)])
def test_block_of_filters_takes_the_larger_of_two_pixels(
    harness: Harness, rng: np.random.Generator, filters: int, name: str, vectors: int
) -> None:
    width, values, taps = vectors * harness.lanes, 9, 5
    x, weights = normal(rng, values, width), normal(rng, 1 + taps, filters)
    # Taps 0 and 1 of the first pixel at values 2 and 3, 3 and 4 at 6 and 7; all of the second.
    runs = ((2, 0, 2, 0), (6, 3, 2, 1), (1, 0, 5, 1))
    pixels = (((2, 0), (3, 1), (6, 3), (7, 4)), tuple((1 + t, t) for t in range(taps)))
    terms = [np.array([np.outer(weights[1 + t], x[i]) for i, t in pixel]) for pixel in pixels]
    exact = np.max([pixel.sum(axis=0) + weights[0][:, None] for pixel in terms], axis=0)
    magnitude = max(np.abs(pixel).sum(axis=0).max() for pixel in terms) + np.abs(weights[0]).max()
    numbers = (filters, taps, 2, len(runs), *(number for run in runs for number in run))
    found = harness.run("block", name, numbers, [-2.0, 2.5], weights, x)
    expected = np.clip(exact, -2.0, 2.5).ravel()
    assert_within(found, expected, tolerances.float32_dot(taps, magnitude))


def test_interleave_and_back_are_transposes(harness: Harness, rng: np.random.Generator) -> None:
    for images in (1, harness.lanes - 1, harness.lanes):
        for n in harness.sizes():
            x = normal(rng, images, n)
            side_by_side = np.zeros((n, harness.lanes), np.float32)
            side_by_side[:, :images] = x.T
            found = harness.run("interleave", "interleave", (images,), x)
            assert_within(found, side_by_side.ravel(), 0.0)
            back = harness.run("deinterleave", "deinterleave", (images,), side_by_side)
            assert_within(back, x.ravel(), 0.0)


@pytest.mark.parametrize("taps", [3, 4, 5, 6])
@pytest.mark.parametrize("together", [1, 2, 4])
def test_quad_equals_its_four_sums_where_these_are_exact(
    harness: Harness, rng: np.random.Generator, taps: int, together: int
) -> None:
    filters, outputs, lanes = 5, 4 // together, harness.lanes
    kernel = 2.0 * rng.integers(-4, 5, (1, taps, 1, filters))
    bias, start = rng.integers(-4, 5, filters), rng.integers(-4, 5, lanes)
    matrix = rng.integers(-4, 5, (outputs, filters))
    x = rng.integers(-4, 5, (taps + 3, lanes))
    weights = weights_of(kernel.astype(np.float32), bias.astype(np.float32))
    first, last = 1, taps + 2
    numbers = (filters, together, first, last, products_of(taps))
    seen = np.where((np.arange(taps + 3) >= first) & (np.arange(taps + 3) < last), 1, 0)
    values = x * seen[:, None]
    sums = np.stack([
        np.einsum("sl,sf->fl", values[q : q + taps], kernel[0, :, 0]) for q in range(4)
    ]) + bias[:, None]  # fmt: skip
    maxima = np.maximum(sums.reshape(outputs, together, filters, lanes).max(axis=1), -9.0)
    found = harness.run("quad", str(taps), numbers, [-9.0], weights, x)
    assert_within(found, maxima.ravel(), 0.0)
    total = start + np.einsum("ofl,of->l", maxima, matrix)
    operands = ([-9.0], weights, matrix, start, x)
    assert_within(harness.run("quad_sum", str(taps), numbers, *operands), total, 0.0)
