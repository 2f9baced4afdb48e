"""Losses and their gradients against Keras on TensorFlow, and against differences in float64."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnfast import losses
from tolerances import roundings

CASES = json.loads((Path(__file__).parents[1] / "golden" / "losses.json").read_text())["cases"]

# Both sides round a logarithm or a power, a quotient and a product or two, and a mean of few.
ROUNDINGS = 16
# Central differences err by step^2 times a third derivative and by a rounding over the step.
STEP = 2.0**-22


def case_name(case: dict[str, Any]) -> str:
    options = [f"{name}={value}" for name, value in case["options"].items() if value]
    rank = np.ndim(case["y_pred"])
    return "-".join([case["object"]["class_name"], *options, str(case["activation"]), str(rank)])


def loss_of(case: dict[str, Any]) -> losses.Loss:
    """Build the loss; Keras's files leave some options out."""
    loss = getattr(losses, case["object"]["class_name"])(
        **{**case["object"]["config"], **case["options"]}
    )
    if case["activation"]:
        loss = loss.on_logits(case["activation"])
        assert loss is not None
    return loss


def assert_near(found: Any, expected: Any) -> None:
    """Compare with the magnitude of the largest element."""
    error = np.abs(np.asarray(found) - np.asarray(expected))
    assert error.max() <= roundings(ROUNDINGS, np.abs(expected).max())


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_values_are_those_of_keras(case: dict[str, Any]) -> None:
    loss = loss_of(case)
    y_true, y_pred = np.array(case["y_true"]), np.array(case["y_pred"], np.float32)
    assert_near(loss.call(y_true, y_pred), case["values"])
    value = loss(y_true, y_pred)
    assert value.dtype == np.float32
    assert_near(value, case["value"])
    assert_near(loss(y_true, y_pred, np.float32(case["weights"])), case["weighted"])


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_gradient_is_that_of_keras(case: dict[str, Any]) -> None:
    loss = loss_of(case)
    y_true, y_pred = np.array(case["y_true"]), np.array(case["y_pred"], np.float32)
    found = loss.value_and_gradient(y_true, y_pred)
    assert found.gradient.dtype == np.float32
    assert_near(found.gradient, case["gradient"])
    assert_near(found.value, case["value"])
    weighted = loss.value_and_gradient(y_true, y_pred, np.float32(case["weights"]))
    assert_near(weighted.gradient, case["weighted_gradient"])


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_gradient_is_the_slope_of_the_values(case: dict[str, Any]) -> None:
    loss = loss_of(case)
    y_true, y_pred = np.array(case["y_true"]), np.array(case["y_pred"], np.float64)
    values = np.asarray(loss.call(y_true, y_pred))
    scale = np.random.RandomState(1).uniform(0.5, 2.0, values.shape)
    gradient = loss.gradient(y_true, y_pred, scale)
    assert gradient.dtype == np.float64
    # The third derivative of log p is 2 / p^2 times the first, and p is 1/1024 or more.
    largest = max(np.abs(gradient).max(), np.abs(values).max(), 1.0)
    bound = largest * (STEP**2 * 2.0**21 + 2.0**-50 / STEP)
    for place in np.ndindex(y_pred.shape):
        move = np.zeros_like(y_pred)
        move[place] = STEP
        difference = loss.call(y_true, y_pred + move) - loss.call(y_true, y_pred - move)
        assert abs((scale * difference).sum() / (2 * STEP) - gradient[place]) <= bound


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_loss_from_keras_serializes_as_keras_does(case: dict[str, Any]) -> None:
    found = losses.get(case["object"])
    assert losses.serialize(found) == case["object"]


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_function_gives_what_the_class_does(case: dict[str, Any]) -> None:
    loss = getattr(losses, case["object"]["class_name"])(**case["options"])
    function = getattr(losses, loss.fn.__name__)
    assert losses.get(loss.fn.__name__) is function
    y_true, y_pred = np.array(case["y_true"]), np.array(case["y_pred"], np.float32)
    np.testing.assert_array_equal(
        function(y_true, y_pred, **case["options"]), loss.call(y_true, y_pred)
    )
