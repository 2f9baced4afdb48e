"""Gradients of an embedding's table, row by row."""

from __future__ import annotations

from typing import Any

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


def run(table: TableGradient, look_ups: list[tuple[Any, Any]], threads: int = 1) -> None:
    """Give a table the rows of a batch; ids in a list are int32."""
    table.clear()
    for ids, gradients in look_ups:
        numbers = ids if isinstance(ids, np.ndarray) and ids.size else np.array(ids, np.int32)
        table.add(numbers, np.asarray(gradients, np.float32))
    table.run(threads)


@pytest.mark.parametrize("columns", [1, 15, 16, 17, 70])
@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_rows_are_added_in_their_order(
    isa: str, rng: np.random.Generator, columns: int, dtype: type
) -> None:
    ids = rng.integers(0, 9, (6, 5)).astype(dtype)
    gradients = rng.standard_normal((30, columns)).astype(np.float32)
    sums = np.zeros((9, columns), np.float32)
    run(TableGradient(sums), [(ids, gradients)], 2)
    np.testing.assert_array_equal(sums, added(ids, gradients, 9))


@pytest.mark.parametrize("columns", [64, 100])
def test_any_number_of_threads_gives_the_same_bits(rng: np.random.Generator, columns: int) -> None:
    ids = rng.integers(0, 50, (40, 50), dtype=np.int32)
    gradients = rng.standard_normal((2000, columns)).astype(np.float32)
    expected = added(ids, gradients, 50)
    for threads in (1, 2, 7):
        sums = np.zeros((50, columns), np.float32)
        table = TableGradient(sums)
        for _ in range(2):
            run(table, [(ids, gradients)], threads)
            np.testing.assert_array_equal(sums, expected)
        run(table, [], threads)
        assert not sums.any()


def test_next_batch_clears_what_several_additions_touched() -> None:
    sums = np.zeros((8, 3), np.float32)
    table = TableGradient(sums)
    run(table, [([[1, 2]], np.ones((2, 3))), ([[2, 7]], np.ones((2, 3)))])
    np.testing.assert_array_equal(sums[:, 0], [0, 1, 2, 0, 0, 0, 0, 1])
    run(table, [([[5]], np.ones((1, 3)))])
    np.testing.assert_array_equal(sums[:, 0], [0, 0, 0, 0, 0, 1, 0, 0])
    run(table, [])
    assert not sums.any()


def test_clear_forgets_what_was_noted_and_leaves_the_sums() -> None:
    sums = np.zeros((8, 3), np.float32)
    table = TableGradient(sums)
    run(table, [([[5]], np.ones((1, 3)))])
    table.add(np.array([6], np.int32), np.ones((1, 3), np.float32))
    table.clear()
    np.testing.assert_array_equal(sums[:, 0], [0, 0, 0, 0, 0, 1, 0, 0])
    run(table, [([[1]], np.ones((1, 3)))])
    np.testing.assert_array_equal(sums[:, 0], [0, 1, 0, 0, 0, 0, 0, 0])


def test_ids_outside_the_table_are_left_out() -> None:
    sums = np.zeros((4, 2), np.float32)
    table = TableGradient(sums)
    run(table, [([[-1, 4, 3, 2**31 - 1]], np.ones((4, 2)))], 2)
    np.testing.assert_array_equal(sums[:, 0], [0, 0, 0, 1])
    run(table, [])
    assert not sums.any()


def test_no_ids_add_nothing() -> None:
    sums = np.zeros((4, 2), np.float32)
    run(TableGradient(sums), [(np.empty((0, 5)), np.empty((0, 2)))], 2)
    assert not sums.any()
