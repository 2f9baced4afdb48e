"""Constraints: Keras's values, their names in files, and their errors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal

from cnnfast import constraints
from tolerances import float32_sum, roundings

GOLDEN = json.loads((Path(__file__).parent / "golden" / "registries.json").read_text())
CASES = GOLDEN["constraints"]

# The root, the clipping, the sum with epsilon, the quotient and the product.
RESCALING_ROUNDINGS = 6

WEIGHTS = arrays.arrays(
    np.float32, (4, 3), elements=st.integers(-6400, 6400).map(lambda count: count / 64)
)


def case_name(case: dict[str, Any]) -> str:
    settings = case["object"]["config"]
    return "-".join([case["object"]["class_name"], *map(str, settings.values())])


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_projection_matches_keras(case: dict[str, Any]) -> None:
    inputs = np.array(case["inputs"], np.float32)
    outputs = constraints.get(case["object"])(inputs)
    expected = np.array(case["outputs"], np.float32)
    bound = float32_sum(inputs.size + RESCALING_ROUNDINGS, expected)
    assert outputs.dtype == np.float32
    assert (np.abs(outputs - expected) <= bound).all()


@given(WEIGHTS)
def test_max_norm_keeps_norms_below_its_value(weights: np.ndarray) -> None:
    norms = np.linalg.norm(constraints.MaxNorm(1.5)(weights).astype(np.float64), axis=0)
    assert (norms <= 1.5 + roundings(2, 1.5)).all()


@given(WEIGHTS)
def test_min_max_norm_halfway_halves_the_distance(weights: np.ndarray) -> None:
    constraint = constraints.MinMaxNorm(1.0, 2.0, rate=0.5)
    before = np.linalg.norm(weights.astype(np.float64), axis=0)
    after = np.linalg.norm(constraint(weights).astype(np.float64), axis=0)
    expected = (before + before.clip(1.0, 2.0)) / 2 * (before / (constraints.EPSILON + before))
    assert (np.abs(after - expected) <= roundings(2, expected)).all()


@given(WEIGHTS)
def test_non_neg_keeps_what_is_not_negative(weights: np.ndarray) -> None:
    assert_array_equal(constraints.NonNeg()(weights), np.where(weights < 0, 0, weights))


@pytest.mark.parametrize(
    "constraint",
    [constraints.MaxNorm(), constraints.MinMaxNorm(), constraints.UnitNorm(), constraints.NonNeg()],
    ids=repr,
)
def test_constraint_of_zeros_is_zeros(constraint: constraints.Constraint) -> None:
    assert_array_equal(constraint(np.zeros((3, 2), np.float32)), np.zeros((3, 2)))


def test_unit_norm_of_a_weight_as_short_as_epsilon_makes_it_half_as_long() -> None:
    outputs = constraints.UnitNorm()(np.full((1, 1), 1e-7))
    # Keras's epsilon, 1e-7, is added to the norm and doubles it.
    assert abs(outputs.item() - 0.5) < 4 * 2.0**-53


@pytest.mark.parametrize("axis", [0, 1, -1, [0, 1], (0, 1), None])
def test_unit_norm_over_an_axis_makes_that_norm_one(axis: Any) -> None:
    weights = np.random.RandomState(5).standard_normal((4, 3))
    outputs = constraints.UnitNorm(axis)(weights)
    axes = tuple(axis) if isinstance(axis, list) else axis
    norms = np.sqrt(np.square(outputs).sum(axis=axes))
    # The quotient falls short of 1 by epsilon over the norm, and no norm here is below 1/2.
    assert (np.abs(norms - 1) <= 2 * constraints.EPSILON).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_constraint_keeps_the_dtype_and_the_inputs(dtype: str) -> None:
    weights = np.array([[3.0, -4.0]], dtype)
    for constraint in (constraints.MaxNorm(axis=1), constraints.NonNeg()):
        assert constraint(weights).dtype == dtype
    assert_array_equal(weights, np.array([[3.0, -4.0]], dtype))


def test_constraint_of_integers_gives_float32() -> None:
    assert constraints.MaxNorm(1.0)([[3], [4]]).dtype == np.float32


def test_base_constraint_changes_nothing() -> None:
    assert_array_equal(constraints.Constraint()([1.0, -2.0]), [1.0, -2.0])


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("max_norm", constraints.MaxNorm(2, 0)),
        ("maxnorm", constraints.MaxNorm(2, 0)),
        ("MaxNorm", constraints.MaxNorm(2, 0)),
        ("min_max_norm", constraints.MinMaxNorm(0.0, 1.0, 1.0, 0)),
        ("MinMaxNorm", constraints.MinMaxNorm(0.0, 1.0, 1.0, 0)),
        ("non_neg", constraints.NonNeg()),
        ("nonneg", constraints.NonNeg()),
        ("NonNeg", constraints.NonNeg()),
        ("unit_norm", constraints.UnitNorm(0)),
        ("unitnorm", constraints.UnitNorm(0)),
        ("UnitNorm", constraints.UnitNorm(0)),
        (constraints.UnitNorm, constraints.UnitNorm(0)),
        (constraints.maxnorm(3), constraints.MaxNorm(3)),
        (constraints.max_norm(m=3, axis=1), constraints.MaxNorm(3, 1)),
        ({"class_name": "MaxNorm", "config": {"m": 3, "axis": 0}}, constraints.MaxNorm(3)),
        ({"name": "MaxNorm", "m": 3, "axis": 0}, constraints.MaxNorm(3)),
        ({"name": "NonNeg"}, constraints.NonNeg()),
    ],
    ids=str,
)
def test_get_of_any_form_means_the_same_object(identifier: Any, expected: Any) -> None:
    assert repr(constraints.get(identifier)) == repr(expected)


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_constraint_from_keras_serializes_as_keras_does(case: dict[str, Any]) -> None:
    serialized = constraints.serialize(constraints.get(case["object"]))
    assert serialized == case["object"]
    json.dumps(serialized)


def test_get_and_serialize_of_none_give_none() -> None:
    assert constraints.get(None) is None
    assert constraints.serialize(None) is None


def test_constraint_of_the_user_is_found_by_name() -> None:
    class Halve(constraints.Constraint):
        def __call__(self, w: Any) -> np.ndarray:
            return np.asarray(w) / 2

    found = constraints.deserialize({"class_name": "Halve"}, {"Halve": Halve})
    assert_array_equal(found([2.0]), [1.0])


@pytest.mark.parametrize(
    ("cls", "settings", "message"),
    [
        (constraints.MaxNorm, {"max_value": -1}, "MaxNorm: `max_value` must be .* >= 0. Received"),
        (constraints.MaxNorm, {"m": math.nan}, "MaxNorm: `max_value` must be a finite number"),
        (constraints.MaxNorm, {"axis": 0.5}, "MaxNorm: `axis` must be an integer, a sequence"),
        (constraints.MinMaxNorm, {"min_value": 2.0}, "`max_value` must be a finite number >= 2"),
        (constraints.MinMaxNorm, {"rate": -0.5}, "`rate` must be a finite number >= 0"),
        (constraints.UnitNorm, {"axis": [0, "1"]}, "UnitNorm: `axis` must be an integer"),
    ],
)
def test_constraint_with_a_wrong_argument_says_which(
    cls: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        cls(**settings)


@pytest.mark.parametrize("axis", [2, -3, [0, 0]])
def test_constraint_of_a_weight_without_the_axis_says_so(axis: Any) -> None:
    message = r"MaxNorm: `axis` must name different axes of the weight's shape \(2, 2\)"
    with pytest.raises(ValueError, match=message):
        constraints.MaxNorm(axis=axis)(np.ones((2, 2)))


@pytest.mark.parametrize("identifier", ["max", {"class_name": "max"}, 2])
def test_get_of_something_unknown_lists_the_names(identifier: Any) -> None:
    with pytest.raises(ValueError, match=r"no constraint .*Known constraints: .*max_norm"):
        constraints.get(identifier)
