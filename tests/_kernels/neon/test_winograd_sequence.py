"""Winograd transforms along sequences of the NEON table against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from neonharness import UNTOUCHED, Harness, assert_within, normal
from sequencetransforms import INPUT_TRANSFORM, OUTPUT_TRANSFORM, doubles

pytestmark = pytest.mark.neon

# Of one value: four in either transform, a bias and an addend.
ROUNDINGS = 10


@pytest.mark.parametrize(("first", "last"), [(0, 7), (2, 7), (0, 3), (3, 4), (0, 0)])
@pytest.mark.parametrize("gap", [0, 3])
def test_sequence_input_of_any_pixels_matches_numpy(
    harness: Harness, rng: np.random.Generator, first: int, last: int, gap: int
) -> None:
    transform = doubles(INPUT_TRANSFORM)
    for channels in harness.sizes():
        pixels = normal(rng, max(last - first, 1), channels + gap)
        patch = np.zeros((7, channels))
        patch[first:last] = pixels[: last - first, :channels]
        plane = channels + harness.lanes
        numbers = (channels, channels + gap, first, last, plane)
        found = harness.run("sequence_input", "sequence_input", numbers, pixels)
        whole = np.append(found, np.zeros(7 * plane - len(found))).reshape(7, plane)
        error = tolerances.roundings(ROUNDINGS, np.abs(transform) @ np.abs(patch))
        assert_within(whole[:, :channels], transform @ patch, error)


@pytest.mark.parametrize("adds", [0, 1])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_sequence_output_any_part_of_a_tile_matches_numpy(
    harness: Harness, rng: np.random.Generator, count: int, adds: int
) -> None:
    transform = doubles(OUTPUT_TRANSFORM)[:count]
    for filters in harness.sizes():
        products, bias = normal(rng, 7, filters), normal(rng, filters)
        step = filters + 2
        addend = adds * normal(rng, count, step)
        numbers = (filters, filters, step, count, adds)
        operands = ([-1.5, 2.0], bias, products, addend if adds else [])
        found = harness.run("sequence_output", "sequence_output", numbers, *operands)
        table = np.append(found, np.full(count * step - len(found), UNTOUCHED))
        table = table.reshape(count, step)
        assert np.all(table[:, filters:] == np.float32(UNTOUCHED))
        exact = transform @ products + bias + addend[:, :filters]
        magnitude = (
            np.abs(transform) @ np.abs(products) + np.abs(bias) + np.abs(addend[:, :filters])
        )
        error = tolerances.roundings(ROUNDINGS, magnitude)
        assert_within(table[:, :filters], np.clip(exact, -1.5, 2.0), error)
