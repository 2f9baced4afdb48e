"""Losses: names, reductions, weights, masks, the user's own, and what is refused."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from cnnfast import losses
from tolerances import roundings

TARGETS = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
PREDICTIONS = np.array([[0.25, 0.75], [0.5, 0.5], [0.875, 0.125]], np.float32)
SQUARES = np.array([0.0625, 0.25, 0.765625])


def squared(y_true: Any, y_pred: Any) -> Any:
    return np.mean((y_pred - y_true) ** 2, axis=-1)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("mse", losses.mean_squared_error),
        ("MSE", losses.mean_squared_error),
        ("mean_squared_error", losses.mean_squared_error),
        ("mae", losses.mean_absolute_error),
        ("mape", losses.mean_absolute_percentage_error),
        ("msle", losses.mean_squared_logarithmic_error),
        ("bce", losses.binary_crossentropy),
        ("kld", losses.kl_divergence),
        ("KLD", losses.kl_divergence),
        ("kullback_leibler_divergence", losses.kl_divergence),
        ("logcosh", losses.log_cosh),
        ("cosine_proximity", losses.cosine_similarity),
        ("huber_loss", losses.huber),
    ],
)
def test_get_of_a_name_finds_the_function(name: str, function: Any) -> None:
    assert losses.get(name) is function
    assert losses.as_loss(name).fn is function


def test_get_of_a_class_name_a_class_or_none() -> None:
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert isinstance(losses.get(losses.Hinge), losses.Hinge)
    assert losses.get(None) is None
    with pytest.raises(ValueError, match="A loss is needed"):
        losses.as_loss(None)


@pytest.mark.parametrize("identifier", ["mss", {"class_name": "Mss"}, 3])
def test_get_of_something_else_lists_the_names(identifier: Any) -> None:
    with pytest.raises(ValueError, match=r"There is no loss .*mean_squared_error"):
        losses.get(identifier)


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        ("sum_over_batch_size", SQUARES.mean()),
        ("mean", SQUARES.mean()),
        ("auto", SQUARES.mean()),
        ("sum", SQUARES.sum()),
        ("none", SQUARES),
        (None, SQUARES),
        ("mean_with_sample_weight", SQUARES.mean()),
    ],
)
def test_reduction_makes_one_number_of_the_values(reduction: Any, expected: Any) -> None:
    loss = losses.MeanSquaredError(reduction=reduction)
    np.testing.assert_allclose(loss(TARGETS, PREDICTIONS), expected, rtol=2**-22)


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [("mean", 1 / 3), ("sum", 1.0), (None, 1.0), ("mean_with_sample_weight", 1 / 4)],
)
def test_gradient_follows_the_reduction_and_the_weights(reduction: Any, expected: float) -> None:
    weights = np.array([1.0, 0.0, 3.0], np.float32)
    loss = losses.MeanSquaredError(reduction=reduction)
    found = loss.value_and_gradient(TARGETS, PREDICTIONS, weights)
    exact = (PREDICTIONS - TARGETS) * weights[:, None] * expected
    np.testing.assert_allclose(found.gradient, exact, rtol=2**-21)
    np.testing.assert_array_equal(found.values, SQUARES.astype(np.float32))


def test_reduction_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="MeanSquaredError: `reduction` must be one of"):
        losses.MeanSquaredError(reduction="median")


def test_weights_of_zero_make_a_loss_of_zero() -> None:
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    found = loss.value_and_gradient(TARGETS, PREDICTIONS, np.zeros(3))
    assert found.value == 0.0
    np.testing.assert_array_equal(found.gradient, 0.0)


def test_empty_batch_has_a_loss_of_zero() -> None:
    found = losses.MeanSquaredError().value_and_gradient(np.zeros((0, 2)), np.zeros((0, 2)))
    assert found.value == 0.0
    assert found.gradient.shape == (0, 2)


def test_masked_places_count_nothing() -> None:
    found = losses.MeanSquaredError().value_and_gradient(
        TARGETS, PREDICTIONS, mask=np.array([True, False, True])
    )
    np.testing.assert_allclose(found.value, (SQUARES[0] + SQUARES[2]) / 2, rtol=2**-22)
    np.testing.assert_array_equal(found.gradient[1], 0.0)
    np.testing.assert_allclose(found.gradient[0], (PREDICTIONS - TARGETS)[0] / 2, rtol=2**-22)


@pytest.mark.parametrize("shapes", [((4,), (4, 1)), ((4, 1), (4,))])
def test_last_axis_of_one_may_be_missing(shapes: Any) -> None:
    y_true, y_pred = np.ones(shapes[0]), np.full(shapes[1], 0.5, np.float32)
    found = losses.BinaryCrossentropy().value_and_gradient(y_true, y_pred, np.ones(4))
    assert found.value == np.float32(-np.log(np.float32(0.5)))
    assert found.gradient.shape == shapes[1]


@pytest.mark.parametrize("name", ["mse", "binary_crossentropy", "categorical_crossentropy"])
def test_targets_of_another_shape_are_refused(name: str) -> None:
    message = r"targets must have the shape .* y_true.shape=\(3, 4\), y_pred.shape=\(3, 2\)"
    with pytest.raises(ValueError, match=message):
        losses.as_loss(name)(np.zeros((3, 4)), np.full((3, 2), 0.5))


@pytest.mark.parametrize(("label", "bad"), [(2, 2), (-1, -1), (2.0, 2)])
def test_number_that_is_no_class_is_refused(label: float, bad: int) -> None:
    message = f"sparse_categorical_crossentropy: targets must be between 0 and 1.* {bad}"
    with pytest.raises(ValueError, match=message):
        losses.SparseCategoricalCrossentropy()(np.array([0, label, 1]), PREDICTIONS)


def test_sparse_targets_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="one for each place of the predictions"):
        losses.SparseCategoricalCrossentropy()(np.zeros(4), PREDICTIONS)


def test_sample_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`sample_weight` must fit values of shape \(3,\)"):
        losses.MeanSquaredError()(TARGETS, PREDICTIONS, np.ones(2))


def test_categorical_loss_of_one_class_warns() -> None:
    with pytest.warns(SyntaxWarning, match="binary_crossentropy"):
        losses.categorical_crossentropy(np.ones((2, 1)), np.ones((2, 1)))


@pytest.mark.parametrize(
    ("loss", "activation", "fused"),
    [
        ("binary_crossentropy", "sigmoid", True),
        ("binary_crossentropy", "softmax", False),
        ("categorical_crossentropy", "softmax", True),
        ("sparse_categorical_crossentropy", "softmax", True),
        ("mse", "sigmoid", False),
        (losses.BinaryCrossentropy(from_logits=True), "sigmoid", False),
    ],
)
def test_on_logits_is_there_where_tensorflow_fuses(loss: Any, activation: str, fused: bool) -> None:
    found = losses.as_loss(loss).on_logits(activation)
    assert (found is not None) == fused
    assert found is None or found.options["from_logits"]


@pytest.mark.parametrize("name", ["binary_crossentropy", "categorical_crossentropy"])
def test_huge_logits_give_finite_losses_and_gradients(name: str) -> None:
    logits = np.array([[1e4, -1e4], [-1e4, 1e4], [80.0, -80.0]], np.float32)
    loss = losses.LossFunctionWrapper(losses.get(name), from_logits=True)
    found = loss.value_and_gradient(TARGETS, logits)
    assert np.isfinite(found.value)
    assert found.value > 1e3
    assert np.isfinite(found.gradient).all()
    assert found.gradient.any()


def test_function_of_the_user_gets_a_slope_by_differences() -> None:
    calls = []

    def counted(y_true: Any, y_pred: Any) -> Any:
        calls.append(y_pred.dtype)
        return squared(y_true, y_pred)

    found = losses.as_loss(counted).value_and_gradient(TARGETS, PREDICTIONS)
    exact = losses.MeanSquaredError().value_and_gradient(TARGETS, PREDICTIONS)
    assert found.value == exact.value
    assert np.abs(found.gradient - exact.gradient).max() <= roundings(2, 1.0)
    # Once for the values, once for independence, and twice for each of two elements.
    assert calls == [np.float64] * 6


@pytest.mark.parametrize(
    ("function", "exact"),
    [
        (lambda t, p: np.mean((p - t) ** 2), lambda t, p: (p - t) / 3),
        (lambda t, p: (p - p.mean(0)).sum(-1) ** 2, None),
        (lambda t, p: np.abs(p - t), lambda t, p: np.sign(p - t) / 6),
    ],
    ids=["a number", "samples together", "an element each"],
)
def test_function_of_the_user_may_have_values_of_any_kind(function: Any, exact: Any) -> None:
    found = losses.as_loss(function).value_and_gradient(TARGETS, PREDICTIONS)
    assert found.gradient.dtype == np.float32
    if exact is None:
        spread = (PREDICTIONS - PREDICTIONS.mean(0)).sum(-1, keepdims=True)
        expected = 2 / 3 * (spread - spread.mean()) * np.ones((1, 2))
    else:
        expected = exact(TARGETS, PREDICTIONS)
    assert np.abs(found.gradient - expected).max() <= roundings(4, 1.0)


def test_differences_near_zero_stay_inside_a_logarithm() -> None:
    predictions = np.array([[1e-6], [1e-4], [0.5]], np.float32)
    loss = losses.as_loss(lambda t, p: -np.log(p).mean(-1))
    gradient = loss.value_and_gradient(np.ones((3, 1)), predictions).gradient
    # The step is 2^-26: 1.5 % of the smallest number, whose square over 3 is the error.
    np.testing.assert_allclose(gradient, -1 / (3 * predictions), rtol=(0.015**2) / 3 * 1.1)


def test_differences_of_too_many_elements_ask_for_a_slope() -> None:
    with pytest.raises(ValueError, match=r"Give the function an attribute `slope`"):
        losses.as_loss(squared).value_and_gradient(np.zeros((2, 20_000)), np.zeros((2, 20_000)))


def test_function_of_the_user_may_bring_its_slope() -> None:
    def cubed(y_true: Any, y_pred: Any) -> Any:
        return np.sum((y_pred - y_true) ** 3, axis=-1)

    cubed.slope = lambda t, p: 3 * (p - t) ** 2  # type: ignore[attr-defined]
    found = losses.as_loss(cubed).value_and_gradient(TARGETS, PREDICTIONS)
    np.testing.assert_allclose(found.gradient, (PREDICTIONS - TARGETS) ** 2, rtol=2**-21)
    cubed.slope = lambda t, p: np.ones(3)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"`slope` must return shape \(3, 2\)"):
        losses.as_loss(cubed).value_and_gradient(TARGETS, PREDICTIONS)


def test_class_of_the_user_defines_call_and_perhaps_slope() -> None:
    class Squared(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return squared(y_true, y_pred)

    class WithSlope(Squared):
        def slope(self, y_true: Any, y_pred: Any) -> Any:
            return y_pred - y_true

    exact = losses.MeanSquaredError().value_and_gradient(TARGETS, PREDICTIONS).gradient
    for loss in (Squared(), WithSlope()):
        gradient = loss.value_and_gradient(TARGETS, PREDICTIONS).gradient
        assert np.abs(gradient - exact).max() <= roundings(2, 1.0)


def test_wrapped_function_is_described_and_found_again() -> None:
    loss = losses.LossFunctionWrapper(squared, name="mine")
    described = losses.serialize(loss)
    assert described is not None
    again = losses.deserialize(described, {"squared": squared})
    assert again(TARGETS, PREDICTIONS) == loss(TARGETS, PREDICTIONS)
    named = losses.serialize(losses.LossFunctionWrapper(losses.huber, delta=2.0))
    assert named is not None
    assert losses.deserialize(named).options == {"delta": 2.0}


@pytest.mark.parametrize("make", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copy_of_a_loss_or_function_gives_the_same(make: Any) -> None:
    assert make(losses.mean_squared_error) is losses.mean_squared_error
    loss = losses.Huber(0.5)
    assert make(loss)(TARGETS, PREDICTIONS) == loss(TARGETS, PREDICTIONS)


@pytest.mark.parametrize("function", losses.FUNCTIONS, ids=repr)
def test_arguments_are_left_as_they_were(function: losses.LossFunction) -> None:
    sparse = function.__name__.startswith(("sparse", "categorical_gen"))
    options = {"q": 0.5} if "generalized" in function.__name__ else {}
    arguments = [TARGETS.argmax(-1) if sparse else TARGETS.copy(), PREDICTIONS.copy()]
    losses.LossFunctionWrapper(function, **options).value_and_gradient(*arguments)
    np.testing.assert_array_equal(arguments[0], TARGETS.argmax(-1) if sparse else TARGETS)
    np.testing.assert_array_equal(arguments[1], PREDICTIONS)
