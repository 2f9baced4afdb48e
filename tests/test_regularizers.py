"""Regularizers: Keras's values and gradients, their names in files, and their errors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cnnfast import regularizers
from tolerances import float32_sum, roundings

GOLDEN = json.loads((Path(__file__).parent / "golden" / "registries.json").read_text())
CASES = GOLDEN["regularizers"]
WITH_GRADIENT = [case for case in CASES if case["gradient"] is not None]

# Both sides divide by a length, multiply two unit vectors and sum over as many pairs.
COSINE_ROUNDINGS = 16


def case_name(case: dict[str, Any]) -> str:
    return f"{case['object']['class_name']}-{len(np.shape(case['inputs']))}d"


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_penalty_matches_keras(case: dict[str, Any]) -> None:
    penalty = regularizers.get(case["object"])(np.array(case["inputs"], np.float32))
    assert type(penalty) is float
    terms = np.size(case["inputs"])
    bound = float32_sum(terms + COSINE_ROUNDINGS, case["penalty"])
    assert abs(penalty - case["penalty"]) <= bound


@pytest.mark.parametrize("case", WITH_GRADIENT, ids=case_name)
def test_gradient_matches_keras(case: dict[str, Any]) -> None:
    gradient = regularizers.get(case["object"]).gradient(np.array(case["inputs"], np.float32))
    if case["object"]["class_name"] != "OrthogonalRegularizer":
        assert_allclose(gradient, case["gradient"], rtol=0, atol=roundings(4, np.max(gradient)))
        return
    # Keras multiplies rows of zeros by 10^7, which is exact here but for one rounding.
    magnitude = np.abs(gradient).max(axis=1, keepdims=True)
    assert (np.abs(gradient - case["gradient"]) <= roundings(COSINE_ROUNDINGS, magnitude)).all()


@pytest.mark.parametrize(
    "regularizer",
    [
        regularizers.L1(0.5),
        regularizers.L2(0.5),
        regularizers.L1L2(0.25, 0.5),
        regularizers.OrthogonalRegularizer(0.5, "rows"),
        regularizers.OrthogonalRegularizer(0.5, "columns"),
    ],
    ids=repr,
)
def test_gradient_is_the_slope_of_the_penalty(regularizer: regularizers.Regularizer) -> None:
    inputs = np.random.RandomState(5).standard_normal((4, 3))
    gradient = regularizer.gradient(inputs)
    # Central differences err by step^2 times a third derivative of order 1, and by the rounding
    # of the penalty over the step.
    step = 2.0**-17
    bound = 100 * (step**2 + 2.0**-53 / step)
    for index in np.ndindex(inputs.shape):
        offset = np.zeros_like(inputs)
        offset[index] = step
        slope = (regularizer(inputs + offset) - regularizer(inputs - offset)) / (2 * step)
        assert abs(gradient[index] - slope) < bound


def test_l1_gradient_at_zero_is_zero() -> None:
    assert_array_equal(regularizers.L1(0.5).gradient([-2.0, 0.0, 3.0]), [-0.5, 0.0, 0.5])


def test_penalty_of_many_small_weights_is_summed_in_float64() -> None:
    weights = np.full(100_000, 0.1, np.float32)
    square = float(np.float32(0.1)) ** 2
    expected = 0.5 * math.fsum([square] * weights.size)
    assert abs(regularizers.L2(0.5)(weights) - expected) < 2.0**-40 * expected


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_orthogonal_penalty_of_a_single_vector_is_zero(mode: str) -> None:
    inputs = np.ones((1, 3)) if mode == "rows" else np.ones((3, 1))
    assert regularizers.OrthogonalRegularizer(mode=mode)(inputs) == 0.0


def test_orthogonal_penalty_stretches_a_row_by_at_most_ten_million() -> None:
    inputs = np.array([[1.0, 0.0], [1e-8, 0.0]])
    # The second row stays a tenth of a unit row, and so does the cosine.
    assert abs(regularizers.OrthogonalRegularizer(1.0)(inputs) - 0.1) < 4 * 2.0**-53


def test_penalty_leaves_the_inputs_alone() -> None:
    inputs = np.arange(6.0).reshape(2, 3)
    regularizers.OrthogonalRegularizer()(inputs)
    regularizers.OrthogonalRegularizer().gradient(inputs)
    assert_array_equal(inputs, np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("l1", regularizers.L1(0.01)),
        ("L1", regularizers.L1(0.01)),
        ("l2", regularizers.L2(0.01)),
        ("L2", regularizers.L2(0.01)),
        ("l1_l2", regularizers.L1L2(0.01, 0.01)),
        ("L1L2", regularizers.L1L2(0.0, 0.0)),
        ("l1l2", regularizers.L1L2(0.0, 0.0)),
        ("orthogonal_regularizer", regularizers.OrthogonalRegularizer(0.01, "rows")),
        ("OrthogonalRegularizer", regularizers.OrthogonalRegularizer(0.01, "rows")),
        (regularizers.L2, regularizers.L2(0.01)),
        ({"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.5}}, regularizers.L1L2(0.0, 0.5)),
        ({"class_name": "L2", "config": {"l2": 0.5}}, regularizers.L2(0.5)),
        ({"class_name": "L2", "config": {"l": 0.5}}, regularizers.L2(0.5)),
        ({"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5}, regularizers.L1L2(0.0, 0.5)),
        ({"name": "L1L2Regularizer", "l1": 0.5, "l2": 0.0}, regularizers.L1L2(0.5, 0.0)),
    ],
    ids=str,
)
def test_get_of_any_form_means_the_same_object(identifier: Any, expected: Any) -> None:
    found = regularizers.get(identifier)
    assert type(found) is type(expected)
    assert found.get_config() == expected.get_config()


@pytest.mark.parametrize(
    ("called", "expected"),
    [
        (regularizers.l2(0.001), regularizers.L2(l2=0.001)),
        (regularizers.l2(l=0.001), regularizers.L2(l2=0.001)),
        (regularizers.l1(l=0.001), regularizers.L1(l1=0.001)),
        (regularizers.l1(None), regularizers.L1(l1=0.01)),
        (regularizers.l1_l2(0.1, 0.2), regularizers.L1L2(l1=0.1, l2=0.2)),
        (regularizers.l1_l2(None, None), regularizers.L1L2(l1=0.0, l2=0.0)),
        (
            regularizers.orthogonal_regularizer(0.5, "COLUMNS"),
            regularizers.OrthogonalRegularizer(factor=0.5, mode="columns"),
        ),
    ],
    ids=repr,
)
def test_alias_called_makes_the_object(called: Any, expected: Any) -> None:
    assert repr(called) == repr(expected)


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_regularizer_from_keras_serializes_as_keras_does(case: dict[str, Any]) -> None:
    assert regularizers.serialize(regularizers.get(case["object"])) == case["object"]


def test_get_and_serialize_of_none_give_none() -> None:
    assert regularizers.get(None) is None
    assert regularizers.serialize(None) is None


def test_function_of_the_user_is_kept_and_found_by_name() -> None:
    def double(x: Any) -> float:
        return 2.0

    assert regularizers.get(double) is double
    described = regularizers.serialize(double)
    assert described is not None
    assert regularizers.deserialize(described, {"double": double}) is double


def test_base_regularizer_penalizes_nothing() -> None:
    assert regularizers.Regularizer()([1.0]) == 0.0
    with pytest.raises(NotImplementedError, match="Regularizer does not define `gradient`"):
        regularizers.Regularizer().gradient([1.0])


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, "1", True, False, [], [0.1]])
@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (regularizers.L1, "l1"),
        (regularizers.L2, "l2"),
        (regularizers.L1L2, "l1"),
        (regularizers.L1L2, "l2"),
        (regularizers.OrthogonalRegularizer, "factor"),
    ],
)
def test_factor_that_is_no_penalty_is_refused(cls: Any, name: str, value: Any) -> None:
    message = f"{cls.__name__}: `{name}` must be a finite number >= 0. Received: {name}="
    with pytest.raises(ValueError, match=message):
        cls(**{name: value})


def test_unknown_argument_is_named() -> None:
    with pytest.raises(TypeError, match="L2: there is no argument 'lambda_'"):
        regularizers.L2(lambda_=0.1)
    with pytest.raises(TypeError, match=r"L1: .*'foo'.* Received: config="):
        regularizers.deserialize({"class_name": "L1", "config": {"foo": 1}})


def test_orthogonal_regularizer_with_a_wrong_mode_or_rank_says_so() -> None:
    with pytest.raises(ValueError, match=r'`mode` must be one of "rows", "columns"\. Received'):
        regularizers.OrthogonalRegularizer(mode="diagonal")
    with pytest.raises(ValueError, match=r"`x` must have 2 axes. Received: x.shape=\(2, 2, 2\)"):
        regularizers.OrthogonalRegularizer()(np.ones((2, 2, 2)))


@pytest.mark.parametrize("identifier", ["l3", {"class_name": "l3"}, 0.01])
def test_get_of_something_unknown_lists_the_names(identifier: Any) -> None:
    with pytest.raises(ValueError, match=r"no regularizer .*Known regularizers: .*l1_l2"):
        regularizers.get(identifier)
