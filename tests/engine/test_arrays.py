"""Conversion of users' arrays to what kernels read."""

from __future__ import annotations

import numpy as np
import pytest

from cnnfast.engine.arrays import FLOAT32, INT32, cast_to_declared, kernel_array, numeric_array


def unaligned() -> np.ndarray:
    return np.frombuffer(b"\0" + np.arange(6, dtype=np.float32).tobytes(), np.float32, offset=1)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0),
        np.arange(6),
        np.arange(6, dtype=">f4"),
        np.arange(12, dtype=np.float32)[::2] / 2,
        unaligned(),
    ],
    ids=["float64", "int64", "big-endian", "strided", "unaligned"],
)
def test_kernel_array_is_aligned_contiguous_float32(array: np.ndarray) -> None:
    ready = kernel_array(array, FLOAT32)
    assert ready.dtype == np.float32
    assert ready.dtype.isnative
    assert ready.flags.c_contiguous
    assert ready.flags.aligned
    assert (ready == array).all()


def test_kernel_array_that_fits_is_not_copied() -> None:
    array = np.arange(6, dtype=np.float32)
    array.flags.writeable = False
    assert np.shares_memory(kernel_array(array, FLOAT32), array)


def test_kernel_array_too_large_for_float32_becomes_infinite() -> None:
    assert kernel_array(np.array([1e300, -1e300]), FLOAT32).tolist() == [np.inf, -np.inf]


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.uint32])
def test_kernel_array_ids_beyond_32_bits_do_not_wrap_around(dtype: type) -> None:
    largest = np.iinfo(dtype).max
    ids = kernel_array(np.array([0, 7, largest], dtype), INT32)
    assert ids.dtype == np.int32
    assert ids.tolist() == [0, 7, 2**31 - 1]


def test_kernel_array_ids_given_as_floats_are_cut_off() -> None:
    assert kernel_array(np.array([1.9, 2.0]), INT32).tolist() == [1, 2]


def test_cast_to_declared_integers_drop_fractions() -> None:
    assert cast_to_declared(np.array([1.7, -1.7]), "int32").tolist() == [1, -1]
    floats = np.array([1.7])
    assert cast_to_declared(floats, "float32") is floats
    assert cast_to_declared(floats, "bfloat16") is floats


@pytest.mark.parametrize("data", ["a", [None], [1j], np.array(["2020"], "datetime64[Y]")], ids=repr)
def test_numeric_array_of_no_numbers_is_refused(data: object) -> None:
    with pytest.raises(TypeError, match="layer 'x' must be an array of real numbers"):
        numeric_array(data, "layer 'x'")
