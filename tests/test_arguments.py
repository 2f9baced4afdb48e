"""Shared checks of arguments: what passes, as what, and how a refusal reads."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from cnnfast import arguments


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2), Fraction(2)])
def test_number_of_any_real_kind_becomes_a_float(value: Any) -> None:
    checked = arguments.number(value, "rate", "Layer")
    assert type(checked) is float
    assert checked == 2.0


@pytest.mark.parametrize("value", ["2", None, True, [2], np.ones(1), 2j, math.nan, -math.inf])
def test_number_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(
        ValueError, match=r"^Layer: `rate` must be a finite number\. Received: rate="
    ):
        arguments.number(value, "rate", "Layer")


def test_number_at_its_bounds_is_accepted_only_where_they_are_inclusive() -> None:
    assert arguments.number(1, "rate", "Layer", least=1) == 1.0
    with pytest.raises(ValueError, match=r"must be a finite number > 1\. Received: rate=1\."):
        arguments.number(1, "rate", "Layer", above=1)


@pytest.mark.parametrize("value", ["same", "SAME", "Same"])
def test_choice_in_any_case_becomes_lower_case(value: str) -> None:
    assert arguments.choice(value, "padding", "Layer", ("valid", "same")) == "same"


@pytest.mark.parametrize("value", ["full", "", None, 1, ["same"]])
def test_choice_of_another_word_is_refused(value: Any) -> None:
    message = r'^Layer: `padding` must be one of "valid", "same"\. Received: padding='
    with pytest.raises(ValueError, match=message):
        arguments.choice(value, "padding", "Layer", ("valid", "same"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [((2, 3), (2, 3)), ([2, 0], (2, 0)), (4, (4,)), ((), ()), (np.array([2, 3]), (2, 3))],
    ids=str,
)
def test_shape_of_any_sequence_becomes_a_tuple_of_ints(value: Any, expected: Any) -> None:
    checked = arguments.shape(value, "Layer")
    assert checked == expected
    assert all(type(size) is int for size in checked)


@pytest.mark.parametrize("value", [None, "23", (2, None), (2.0,), (-1,), (True,), 1.5])
def test_shape_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^Layer: `shape` must .* Received: shape="):
        arguments.shape(value, "Layer")


def test_dtype_by_default_is_float32() -> None:
    assert arguments.dtype(None, "Layer") == np.float32


@pytest.mark.parametrize("value", ["object", "str", "complex64", "bfloat17", "datetime64[s]"])
def test_dtype_that_is_not_numeric_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"^Layer: `dtype` must be a numeric type\. Received"):
        arguments.dtype(value, "Layer")


def test_dtype_of_another_kind_is_refused() -> None:
    assert arguments.dtype("float16", "Layer", arguments.FLOATING) == np.float16
    with pytest.raises(ValueError, match=r"must be a floating-point type\. Received: dtype='int8'"):
        arguments.dtype("int8", "Layer", arguments.FLOATING)
