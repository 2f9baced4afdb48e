"""Embedding against its float64 twin, and ids that are not in the table."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from cnnfast._kernels.embedding import Embedding

Array = np.ndarray

TABLE = np.random.default_rng(0).normal(size=(11, 5)).astype(np.float32)


def embedded(ids: Array, table: Array = TABLE, threads: int = 1) -> Array:
    outputs = np.full((*ids.shape, table.shape[1]), np.nan, np.float32)
    Embedding(ids.shape[1], table, ids.dtype == np.int32).run(ids, outputs, threads)
    return outputs


@given(
    images=st.integers(0, 4),
    length=st.integers(1, 9),
    rows=st.integers(1, 30),
    columns=st.integers(1, 70),
    integers=st.booleans(),
    seed=st.integers(0, 99),
)
def test_embedding_of_any_shape_equals_reference(
    images: int, length: int, rows: int, columns: int, integers: bool, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    table = generator.normal(size=(rows, columns)).astype(np.float32)
    ids = generator.integers(0, rows, (images, length)).astype(np.int32 if integers else np.float32)
    np.testing.assert_array_equal(embedded(ids, table), reference.embedding(ids, table))


def test_embedding_threads_do_not_change_a_bit(threads: int) -> None:
    ids = np.random.default_rng(1).integers(0, 11, (23, 7)).astype(np.int32)
    np.testing.assert_array_equal(embedded(ids, threads=threads), embedded(ids))


def test_fractions_are_truncated_toward_zero() -> None:
    ids = np.array([[-0.99, -0.0, 0.99, 1.0, 9.5, 10.99]], np.float32)
    np.testing.assert_array_equal(embedded(ids)[0], TABLE[[0, 0, 0, 1, 9, 10]])


@pytest.mark.parametrize(
    "bad",
    [np.float32(bad) for bad in (np.nan, np.inf, -np.inf, -1.0, 11.0, 1e30)]
    + [np.int32(bad) for bad in (-1, 11, 2**31 - 1, -(2**31))],
)
def test_id_outside_the_table_is_named_and_becomes_zeros(bad: np.generic, threads: int) -> None:
    ids = np.full((3, 4), 2, bad.dtype)
    ids[1, 3] = ids[2, 0] = bad
    outputs = np.full((3, 4, 5), np.nan, np.float32)
    kernel = Embedding(4, TABLE, bad.dtype == np.int32)
    with pytest.raises(ValueError) as caught:
        kernel.run(ids, outputs, threads)
    assert str(caught.value) == (
        "ids of this embedding must lie in [0, 11), the rows of its table. "
        f"Received {bad} at position (1, 3)."
    )
    expected = np.where((ids == 2)[..., None], TABLE[2], np.float32(0.0))
    np.testing.assert_array_equal(outputs, expected)


def test_check_passes_ids_of_the_table_and_no_ids() -> None:
    kernel = Embedding(4, TABLE, True)
    kernel.check(np.full((2, 4), 10, np.int32))
    kernel.check(np.zeros((0, 4), np.int32))


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_ids_of_another_type_are_refused(dtype: type) -> None:
    outputs = np.zeros((1, 1, 5), np.float32)
    for integers in (True, False):
        with pytest.raises(ValueError, match="Buffer dtype mismatch"):
            Embedding(1, TABLE, integers).run(np.zeros((1, 1), dtype), outputs, 1)


def test_embedding_holds_the_table_itself() -> None:
    table = TABLE.copy()
    kernel = Embedding(1, table, True)
    table[3] = 7.0
    outputs = np.zeros((1, 1, 5), np.float32)
    kernel.run(np.array([[3]], np.int32), outputs, 1)
    assert np.all(outputs == 7.0)
    held = weakref.ref(table)
    del table
    gc.collect()
    assert held() is not None
    del kernel
    gc.collect()
    assert held() is None


def test_embedding_takes_a_table_that_is_read_only() -> None:
    table = TABLE.copy()
    table.flags.writeable = False
    np.testing.assert_array_equal(embedded(np.array([[4]], np.int32), table)[0, 0], TABLE[4])


@pytest.mark.parametrize(("length", "shape"), [(0, (2, 3)), (1, (0, 3)), (1, (2, 0))])
def test_empty_embedding_is_refused(length: int, shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Embedding(length, np.zeros(shape, np.float32), True)
