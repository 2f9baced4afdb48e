"""Gradients of an embedding's table, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from cnnfast._kernels.table_gradient import TableGradient


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def added(ids: np.ndarray, gradients: np.ndarray, rows: int) -> np.ndarray:
    """Add row after row in float32, in the order of the ids."""
    sums = np.zeros((rows, gradients.shape[1]), np.float32)
    for row, gradient in zip(ids.reshape(-1), gradients, strict=True):
        sums[int(row)] += gradient
    return sums


@pytest.mark.parametrize("columns", [1, 15, 16, 17, 70])
@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_rows_are_added_in_their_order(
    isa: str, rng: np.random.Generator, columns: int, dtype: type
) -> None:
    ids = rng.integers(0, 9, (6, 5)).astype(dtype)
    gradients = rng.standard_normal((30, columns)).astype(np.float32)
    sums = np.zeros((9, columns), np.float32)
    TableGradient(sums).add(ids, gradients, 2)
    np.testing.assert_array_equal(sums, added(ids, gradients, 9))


@pytest.mark.parametrize("columns", [64, 100])
def test_any_number_of_threads_gives_the_same_bits(rng: np.random.Generator, columns: int) -> None:
    ids = rng.integers(0, 50, (40, 50), dtype=np.int32)
    gradients = rng.standard_normal((2000, columns)).astype(np.float32)
    expected = added(ids, gradients, 50)
    for threads in (1, 2, 7):
        sums = np.zeros((50, columns), np.float32)
        table = TableGradient(sums)
        table.add(ids, gradients, threads)
        np.testing.assert_array_equal(sums, expected)
        table.clear(threads)
        assert not sums.any()


def test_clear_forgets_what_several_additions_touched(rng: np.random.Generator) -> None:
    sums = np.zeros((8, 3), np.float32)
    table = TableGradient(sums)
    for ids in ([[1, 2]], [[2, 7]]):
        table.add(np.array(ids, np.int32), np.ones((2, 3), np.float32), 1)
    np.testing.assert_array_equal(sums[:, 0], [0, 1, 2, 0, 0, 0, 0, 1])
    table.clear(1)
    assert not sums.any()
    table.add(np.array([[5]], np.int32), np.ones((1, 3), np.float32), 1)
    np.testing.assert_array_equal(sums[:, 0], [0, 0, 0, 0, 0, 1, 0, 0])


def test_ids_outside_the_table_are_left_out() -> None:
    sums = np.zeros((4, 2), np.float32)
    table = TableGradient(sums)
    table.add(np.array([[-1, 4, 3, 2**31 - 1]], np.int32), np.ones((4, 2), np.float32), 2)
    np.testing.assert_array_equal(sums[:, 0], [0, 0, 0, 1])
    table.clear(1)
    assert not sums.any()


def test_no_ids_add_nothing() -> None:
    sums = np.zeros((4, 2), np.float32)
    TableGradient(sums).add(np.empty((0, 5), np.int32), np.empty((0, 2), np.float32), 2)
    assert not sums.any()
