"""What the NEON table makes of a tile of 5 x 5 taps against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from neonharness import UNTOUCHED, Harness, assert_within, normal

pytestmark = pytest.mark.neon

# Of F(2, 5), for the points 0, +-3/4, +-3/2 and infinity.
OUTPUT_TRANSFORM = np.array([[1, 1, 1, 1, 1, 0], [0, 3 / 4, -3 / 4, 3 / 2, -3 / 2, 1]])
# Of one value: three in either direction, a bias, an addend and a window's sum of four.
ROUNDINGS = 11


def outputs_of(products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Transform outputs, and absolute values likewise: the scale of the rounding."""
    A = OUTPUT_TRANSFORM
    return (
        np.einsum("yi,ijk,xj->yxk", A, products, A),
        np.einsum("yi,ijk,xj->yxk", np.abs(A), np.abs(products), np.abs(A)),
    )


@pytest.mark.parametrize("adds", [0, 1])
@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (1, 1), (1, 2), (2, 1)])
def test_winograd_output_5_any_part_of_a_tile_matches_numpy(
    harness: Harness, rng: np.random.Generator, rows: int, columns: int, adds: int
) -> None:
    for filters in harness.sizes():
        products, bias = normal(rng, 6, 6, filters), normal(rng, filters)
        pixel, row = filters + 2, 3 * (filters + 2)
        addend = adds * normal(rng, rows, 3, pixel)
        numbers = (filters, filters, row, pixel, rows, columns, adds)
        operands = ([-1.5, 2.0], bias, products, addend if adds else [])
        found = harness.run("winograd_output", "winograd_output_5", numbers, *operands)
        table = np.append(found, np.full(rows * row - len(found), UNTOUCHED))
        table = table.reshape(rows, 3, pixel)
        assert np.all(table[:, :, filters:] == np.float32(UNTOUCHED))
        assert np.all(table[:, columns:] == np.float32(UNTOUCHED))
        exact, magnitude = outputs_of(products)
        exact = exact[:rows, :columns] + bias + addend[:, :columns, :filters]
        magnitude = magnitude[:rows, :columns] + np.abs(bias)
        magnitude += np.abs(addend[:, :columns, :filters])
        assert_within(
            table[:, :columns, :filters],
            np.clip(exact, -1.5, 2.0),
            tolerances.roundings(ROUNDINGS, magnitude),
        )


@pytest.mark.parametrize("kind", ["max", "average"])
def test_winograd_pool_5_of_a_tile_matches_numpy(
    harness: Harness, rng: np.random.Generator, kind: str
) -> None:
    for filters in harness.sizes():
        products, bias = normal(rng, 6, 6, filters), normal(rng, filters)
        numbers = (filters, filters, filters, filters, 1, 1)
        found = harness.run("winograd_pool_5", kind, numbers, [-1.5, 2.0], bias, products)
        exact, magnitude = outputs_of(products)
        tile = np.clip(exact + bias, -1.5, 2.0)
        expected = tile.max((0, 1)) if kind == "max" else tile.mean((0, 1))
        magnitude = (magnitude + np.abs(bias)).max((0, 1))
        assert_within(found, expected, tolerances.roundings(ROUNDINGS, magnitude))
