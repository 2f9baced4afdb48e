"""Winograd transforms of the NEON table against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from neonharness import UNTOUCHED, Harness, assert_within, normal

pytestmark = pytest.mark.neon


# One-dimensional transforms of F(4, 3) for the points 0, +-3/4, +-3/2 and infinity.
WINOGRAD_INPUT = np.array([
    [81 / 64, 0, -45 / 16, 0, 1, 0],
    [0, -27 / 16, -9 / 4, 3 / 4, 1, 0],
    [0, 27 / 16, -9 / 4, -3 / 4, 1, 0],
    [0, -27 / 32, -9 / 16, 3 / 2, 1, 0],
    [0, 27 / 32, -9 / 16, -3 / 2, 1, 0],
    [0, 81 / 64, 0, -45 / 16, 0, 1],
])  # fmt: skip
WINOGRAD_OUTPUT = np.array([
    [1, 1, 1, 1, 1, 0],
    [0, 3 / 4, -3 / 4, 3 / 2, -3 / 2, 0],
    [0, 9 / 16, 9 / 16, 9 / 4, 9 / 4, 0],
    [0, 27 / 64, -27 / 64, 27 / 8, -27 / 8, 1],
])  # fmt: skip
# Of tiles with at most two outputs, which do without the points +-3/2.
FEW_INPUT = np.array([
    [81 / 64, 0, -9 / 4, 0, 0, 0],
    [0, -81 / 64, -27 / 16, 0, 0, 0],
    [0, 81 / 64, -27 / 16, 0, 0, 0],
    [0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0],
    [0, -9 / 16, 0, 1, 0, 0],
])  # fmt: skip
FEW_OUTPUT = np.array([
    [1, 1, 1, 0, 0, 0],
    [0, 3 / 4, -3 / 4, 0, 0, 1],
    [0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0],
])  # fmt: skip
# Of F(2, 5).
OUTPUT_5 = np.array([[1, 1, 1, 1, 1, 0], [0, 3 / 4, -3 / 4, 3 / 2, -3 / 2, 1]])
WINOGRAD_FILTER = np.array([
    [64 / 81, 0, 0],
    [-128 / 243, -32 / 81, -8 / 27],
    [-128 / 243, 32 / 81, -8 / 27],
    [32 / 243, 16 / 81, 8 / 27],
    [32 / 243, -16 / 81, 8 / 27],
    [0, 0, 1],
])  # fmt: skip
OUTPUT_KERNELS = {3: "winograd_output", 5: "winograd_output_5"}
# Of one value: four in either direction of a transform, a bias and an addend.
WINOGRAD_ROUNDINGS = 10


def outputs_of(
    products: np.ndarray, taps: int, rows: int, columns: int
) -> tuple[np.ndarray, np.ndarray]:
    """Transform outputs, and absolute values likewise: the scale of the rounding."""
    A, B = (output_transform(taps, count) for count in (rows, columns))
    return (
        np.einsum("yi,ijk,xj->yxk", A, products, B),
        np.einsum("yi,ijk,xj->yxk", np.abs(A), np.abs(products), np.abs(B)),
    )


def output_transform(taps: int, count: int) -> np.ndarray:
    """Give the transform of a tile with so many real outputs along an axis."""
    if taps == 5:
        return OUTPUT_5
    return FEW_OUTPUT if count <= 2 else WINOGRAD_OUTPUT


@pytest.mark.parametrize("low", [0, 1])
@pytest.mark.parametrize("narrow", [0, 1])
@pytest.mark.parametrize(("first", "last", "height"), [(0, 6, 6), (1, 6, 6), (0, 3, 2), (2, 5, 1)])
def test_winograd_input_any_patch_matches_numpy(
    harness: Harness,
    rng: np.random.Generator,
    first: int,
    last: int,
    height: int,
    low: int,
    narrow: int,
) -> None:
    A, B = (FEW_INPUT if few else WINOGRAD_INPUT for few in (low, narrow))
    written = np.ix_(A.any(axis=1), B.any(axis=1))
    for channels in harness.sizes():
        real = normal(rng, height, last - first, channels)
        patch = np.zeros((6, 6, channels))
        patch[:height, first:last] = real
        plane = channels + harness.lanes
        numbers = (channels, first, last, height, plane, low, narrow)
        found = harness.run("winograd_input", "winograd_input", numbers, real, 0 * real[0])
        whole = np.append(found, np.zeros(36 * plane - len(found))).reshape(6, 6, plane)
        expected = np.einsum("ia,abc,jb->ijc", A, patch, B)
        magnitude = np.einsum("ia,abc,jb->ijc", np.abs(A), np.abs(patch), np.abs(B))
        error = tolerances.roundings(WINOGRAD_ROUNDINGS, magnitude)
        assert_within(whole[..., :channels][written], expected[written], error[written])


@pytest.mark.parametrize("adds", [0, 1])
@pytest.mark.parametrize(("taps", "rows", "columns"), [
    (3, 4, 4), (3, 1, 1), (3, 2, 3), (3, 3, 2), (3, 4, 1),
    (5, 2, 2), (5, 1, 1), (5, 1, 2), (5, 2, 1),
])  # fmt: skip
def test_winograd_output_any_part_of_a_tile_matches_numpy(
    harness: Harness, rng: np.random.Generator, taps: int, rows: int, columns: int, adds: int
) -> None:
    width = 8 - taps
    for filters in harness.sizes():
        products, bias = normal(rng, 6, 6, filters), normal(rng, filters)
        pixel, row = filters + 2, width * (filters + 2)
        addend = adds * normal(rng, rows, width, pixel)
        numbers = (filters, filters, row, pixel, rows, columns, adds)
        operands = ([-1.5, 2.0], bias, products, addend if adds else [])
        found = harness.run("winograd_output", OUTPUT_KERNELS[taps], numbers, *operands)
        table = np.append(found, np.full(rows * row - len(found), UNTOUCHED))
        table = table.reshape(rows, width, pixel)
        assert np.all(table[:, :, filters:] == np.float32(UNTOUCHED))
        assert np.all(table[:, columns:] == np.float32(UNTOUCHED))
        exact, magnitude = outputs_of(products, taps, rows, columns)
        exact = exact[:rows, :columns] + bias + addend[:, :columns, :filters]
        magnitude = magnitude[:rows, :columns] + np.abs(bias)
        magnitude += np.abs(addend[:, :columns, :filters])
        assert_within(
            table[:, :columns, :filters],
            np.clip(exact, -1.5, 2.0),
            tolerances.roundings(WINOGRAD_ROUNDINGS, magnitude),
        )


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (1, 1), (1, 2), (2, 1)])
def test_winograd_pool_any_part_of_a_tile_matches_numpy(
    harness: Harness, rng: np.random.Generator, rows: int, columns: int, kind: str
) -> None:
    for filters in harness.sizes():
        products, bias = normal(rng, 6, 6, filters), normal(rng, filters)
        pixel, row = filters + 2, 3 * (filters + 2)
        numbers = (filters, filters, row, pixel, rows, columns)
        found = harness.run("winograd_pool", kind, numbers, [-1.5, 2.0], bias, products)
        table = np.append(found, np.full(rows * row - len(found), UNTOUCHED))
        table = table.reshape(rows, 3, pixel)
        assert np.all(table[:, :, filters:] == np.float32(UNTOUCHED))
        assert np.all(table[:, columns:] == np.float32(UNTOUCHED))
        exact, magnitude = outputs_of(products, 3, 2 * rows, 2 * columns)
        tile = np.clip(exact + bias, -1.5, 2.0)
        windows = tile.reshape(2, 2, 2, 2, filters)[:rows, :, :columns]
        expected = windows.max((1, 3)) if kind == "max" else windows.mean((1, 3))
        magnitude = (magnitude + np.abs(bias)).max((0, 1))
        error = tolerances.roundings(WINOGRAD_ROUNDINGS + 4, magnitude)
        assert_within(table[:, :columns, :filters], expected, error + 0 * expected)


@pytest.mark.parametrize("kind", ["max", "average"])
def test_winograd_pool_5_of_a_tile_matches_numpy(
    harness: Harness, rng: np.random.Generator, kind: str
) -> None:
    for filters in harness.sizes():
        products, bias = normal(rng, 6, 6, filters), normal(rng, filters)
        numbers = (filters, filters, filters, filters, 1, 1)
        found = harness.run("winograd_pool_5", kind, numbers, [-1.5, 2.0], bias, products)
        exact, magnitude = outputs_of(products, 5, 2, 2)
        tile = np.clip(exact + bias, -1.5, 2.0)
        expected = tile.max((0, 1)) if kind == "max" else tile.mean((0, 1))
        magnitude = (magnitude + np.abs(bias)).max((0, 1))
        assert_within(found, expected, tolerances.roundings(WINOGRAD_ROUNDINGS + 4, magnitude))


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (1, 1), (2, 3), (3, 2), (4, 1)])
def test_winograd_gradient_any_part_of_a_tile_matches_numpy(
    harness: Harness, rng: np.random.Generator, rows: int, columns: int
) -> None:
    for filters in harness.sizes():
        real = normal(rng, rows, columns, filters)
        tile = np.zeros((4, 4, filters))
        tile[:rows, :columns] = real
        plane = filters + harness.lanes
        numbers = (filters, columns * filters, rows, columns, plane)
        found = harness.run("winograd_gradient", "winograd_gradient", numbers, real)
        whole = np.append(found, np.zeros(36 * plane - len(found))).reshape(6, 6, plane)
        A = WINOGRAD_OUTPUT
        expected = np.einsum("yi,yxk,xj->ijk", A, tile, A)
        magnitude = np.einsum("yi,yxk,xj->ijk", np.abs(A), np.abs(tile), np.abs(A))
        error = tolerances.roundings(WINOGRAD_ROUNDINGS, magnitude)
        assert_within(whole[..., :filters], expected, error)


def test_winograd_filter_adds_what_sums_become(harness: Harness, rng: np.random.Generator) -> None:
    for filters in harness.sizes():
        plane = filters + harness.lanes
        tap = filters + 3
        old, sums = normal(rng, 9, tap), normal(rng, 6, 6, plane)
        numbers = (plane, tap, filters)
        operands = (old.reshape(-1)[: 8 * tap + filters], sums)
        found = harness.run("winograd_filter", "winograd_filter", numbers, *operands)
        taps = np.append(found, np.zeros(9 * tap - len(found))).reshape(3, 3, tap)
        G, given = WINOGRAD_FILTER, sums[..., :filters]
        before = old.reshape(3, 3, tap)[..., :filters]
        expected = before + np.einsum("ir,ijk,js->rsk", G, given, G)
        magnitude = np.abs(before)
        magnitude = magnitude + np.einsum("ir,ijk,js->rsk", np.abs(G), np.abs(given), np.abs(G))
        error = tolerances.roundings(WINOGRAD_ROUNDINGS + 8, magnitude)
        assert_within(taps[..., :filters], expected, error)
        assert np.array_equal(taps[0, 0, filters:], old[0, filters:])
