"""Updates of a table's rows that a batch looks up, against updates of the whole table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnfast._kernels.optimizer import Updates
from cnnfast._kernels.region import share
from cnnfast._kernels.row_updates import RowUpdates
from cnnfast._kernels.table_gradient import TableGradient

# Numbers of each rule; all may be updated row by row.
RULES = {
    "sgd": (0.1,),
    "momentum": (0.1, 0.9),
    "nesterov": (0.1, 0.9),
    "rmsprop": (0.01, 0.9, 1 - 0.9, 1e-7),
    "adagrad": (0.1, 1e-7),
}
DRIFTING = {"momentum", "nesterov"}
ROWS = 40


class Pair:
    """One table that is updated as a whole, and one whose rows are."""

    def __init__(self, rule: str, columns: int, limit: float = 0.0) -> None:
        random = np.random.default_rng(columns)
        self.rule = rule
        self.random = random
        first = random.standard_normal(ROWS * columns).astype(np.float32)
        first[::7] = -0.0
        kept = [] if rule == "sgd" else [np.full(first.size, 0.5, np.float32)]
        other = np.ones(3, np.float32)
        self.whole = [first.copy(), *(array.copy() for array in kept)]
        self.parts = [first.copy(), *(array.copy() for array in kept)]
        self.neighbours = []
        self.gradients = np.zeros((ROWS, columns), np.float32)
        self.sums = TableGradient(self.gradients)
        made = []
        for arrays in (self.whole, self.parts):
            neighbour = (other.copy(), other, [other.copy()] if kept else [], True)
            self.neighbours.append(neighbour)
            table = (arrays[0], self.gradients.reshape(-1), arrays[1:], True)
            made.append(Updates(rule, [neighbour, table, neighbour], limit=limit))
            made[-1].set_numbers(RULES[rule])
        self.dense, self.lazy = made
        self.rows = RowUpdates(self.lazy, 1, columns)

    def step(self, *look_ups: np.ndarray, threads: int = 1, every_row: bool = False) -> None:
        """Give both tables the same gradients and do one step."""
        self.sums.clear()
        for ids in look_ups:
            self.rows.catch_up_rows(ids, threads)
        if self.rows.drifts:
            self.expect_equal(sorted({int(i) for ids in look_ups for i in ids if 0 <= i < ROWS}))
        self.rows.clear()
        for ids in look_ups:
            received = self.random.standard_normal((ids.size, self.columns)).astype(np.float32)
            self.sums.add(ids, received)
            self.rows.add(ids, received)
        self.rows.every_row = every_row
        share([self.sums, self.dense], 1)
        share([self.lazy, self.rows], threads)

    @property
    def columns(self) -> int:
        return self.gradients.shape[1]

    def expect_equal(self, rows: Any = slice(None), arrays: slice = slice(None)) -> None:
        for lazy, dense in zip(self.parts[arrays], self.whole[arrays], strict=True):
            found, exact = (a.view(np.int32).reshape(ROWS, -1)[rows] for a in (lazy, dense))
            np.testing.assert_array_equal(found, exact)

    def ids(self, count: int) -> np.ndarray:
        """Draw numbers of rows, of which some repeat, few are frequent and some are none."""
        ids = np.minimum(self.random.geometric(0.3, count) - 1, ROWS - 1)
        ids[:: count // 2] = self.random.integers(-2, ROWS + 3)
        return ids.astype(np.int32)


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("columns", [1, 15, 16, 17, 70, 1030])
def test_rows_have_the_bits_of_a_dense_step(isa: str, rule: str, columns: int) -> None:
    pair = Pair(rule, columns)
    for number in range(40):
        pair.step(pair.ids(9))
        if rule not in DRIFTING:
            pair.expect_equal(arrays=slice(1))
        if number == 25:
            pair.rows.make_up(1)
            pair.expect_equal()
    pair.rows.make_up(1)
    pair.expect_equal()
    assert not pair.rows.is_behind


@pytest.mark.parametrize("rule", sorted(RULES))
def test_rows_of_several_look_ups_on_any_number_of_threads(threads: int, rule: str) -> None:
    pair = Pair(rule, 1030)
    for _ in range(30):
        pair.step(pair.ids(30), pair.ids(70), threads=threads)
    pair.rows.make_up(threads)
    pair.expect_equal()


@pytest.mark.parametrize("rule", ["momentum", "rmsprop"])
def test_rows_that_are_never_looked_up_do_not_wait_for_ever(isa: str, rule: str) -> None:
    pair = Pair(rule, 5)
    once = np.int32([7])
    for number in range(300):
        pair.step(pair.ids(4) if number != 10 else once)
        if number in (128, 256):
            pair.expect_equal()
    pair.step(np.int32([31]))
    pair.rows.make_up(1)
    pair.expect_equal()


def test_row_waits_until_numbers_are_denormal_with_the_same_bits(isa: str) -> None:
    pair = Pair("rmsprop", 17)
    for arrays in (pair.whole, pair.parts):
        arrays[1][:] = 1e-35
    for _ in range(120):
        pair.step(np.int32([3]))
    pair.rows.make_up(1)
    pair.expect_equal()
    assert 0 < pair.parts[1][0] < np.finfo(np.float32).tiny


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_row_is_updated_when_that_is_asked_for(rule: str) -> None:
    pair = Pair(rule, 17)
    for number in range(20):
        if number == 12:  # below zero: a row without a gradient is no longer left as it is
            for updating in (pair.dense, pair.lazy):
                pair.rows.make_up(1)
                updating.set_numbers((-0.1, *RULES[rule][1:]))
        pair.step(pair.ids(9), every_row=number >= 12)
        if number >= 12:
            pair.expect_equal()


def test_gradient_of_the_array_is_taken_where_rows_received_none() -> None:
    pair = Pair("rmsprop", 17)
    for _ in range(3):
        pair.step(pair.ids(9))
        pair.gradients[:] = 0.25
        pair.dense.run(1)
        pair.lazy.run(1)
        pair.rows.run(1)
        pair.expect_equal()
        pair.gradients[:] = 0.0


def test_state_that_is_no_number_shows_after_distrust() -> None:
    pair = Pair("rmsprop", 16)
    for _ in range(3):
        pair.step(pair.ids(9))
    pair.rows.make_up(1)
    for arrays in (pair.whole, pair.parts):
        arrays[1][-3:] = np.nan, -1.0, np.inf
    pair.rows.distrust()
    pair.step(np.int32([0]))
    pair.expect_equal()
    assert np.isnan(pair.parts[0][-3:]).tolist() == [True, True, False]


def test_limit_of_elements_holds_for_rows() -> None:
    pair = Pair("momentum", 17, limit=0.5)
    for _ in range(20):
        pair.step(pair.ids(9))
    pair.rows.make_up(1)
    pair.expect_equal()


def test_other_variables_are_updated_as_before() -> None:
    pair = Pair("momentum", 17)
    for _ in range(3):
        pair.step(pair.ids(9))
    expected, found = pair.neighbours
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[0][0] != 1.0


def test_ids_that_are_floats_name_rows() -> None:
    pair = Pair("adagrad", 17)
    for _ in range(5):
        pair.step(pair.ids(9).astype(np.float32))
    pair.rows.make_up(1)
    pair.expect_equal()


def test_no_ids_change_no_row() -> None:
    pair = Pair("sgd", 17)
    pair.step(np.empty(0, np.int32))
    before = pair.parts[0].copy()
    pair.step(np.empty(0, np.int32))
    np.testing.assert_array_equal(pair.parts[0], before)
