"""Weights that no loss depends on stay as they are, and a warning names them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import layers

MESSAGE = r"Gradients do not exist for variables \['b/kernel', 'b/bias'\]"


def two_outputs(**options: Any) -> cnnfast.Model:
    """Build a model whose second output is a layer of its own."""
    inputs = cnnfast.Input((4,))
    outputs = [layers.Dense(3, name="a")(inputs), layers.Dense(2, name="b", **options)(inputs)]
    return cnnfast.Model(inputs, outputs)


def data() -> tuple[np.ndarray, list[np.ndarray]]:
    """Draw inputs and targets."""
    random = np.random.default_rng(0)
    return (
        random.standard_normal((16, 4), dtype=np.float32),
        [random.standard_normal((16, n), dtype=np.float32) for n in (3, 2)],
    )


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_output_without_a_loss_leaves_its_weights_alone(optimizer):
    model = two_outputs()
    model.compile(optimizer, ["mse", None])
    before = [layer.get_weights() for layer in (model.get_layer("a"), model.get_layer("b"))]
    x, y = data()
    with pytest.warns(UserWarning, match=MESSAGE):
        model.fit(x, y, epochs=2, verbose=0)
    for one, other in zip(model.get_layer("b").get_weights(), before[1], strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(model.get_layer("a").get_weights(), before[0], strict=True):
        assert not np.array_equal(one, other)


def test_the_warning_comes_once():
    model = two_outputs()
    model.compile("sgd", ["mse", None])
    x, y = data()
    with pytest.warns(UserWarning, match=MESSAGE):
        model.train_on_batch(x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.train_on_batch(x, y)
        model.train_on_batch(x[:5], [part[:5] for part in y])


def test_the_other_weights_train_as_without_them():
    x, y = data()
    with_two, alone = two_outputs(), cnnfast.Sequential([cnnfast.Input((4,)), layers.Dense(3)])
    alone.set_weights(with_two.get_layer("a").get_weights())
    with_two.compile("adam", ["mse", None])
    alone.compile("adam", "mse")
    with pytest.warns(UserWarning, match=MESSAGE):
        with_two.fit(x, y, epochs=3, shuffle=False, verbose=0)
    alone.fit(x, y[0], epochs=3, shuffle=False, verbose=0)
    found = with_two.get_layer("a").get_weights()
    for one, other in zip(found, alone.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_penalty_is_a_gradient_too():
    model = two_outputs(kernel_regularizer="l2", bias_regularizer="l2", bias_initializer="ones")
    model.compile("sgd", ["mse", None])
    before = model.get_layer("b").get_weights()
    x, y = data()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.train_on_batch(x, y)
    for one, other in zip(model.get_layer("b").get_weights(), before, strict=True):
        assert (np.abs(one) < np.abs(other)).all()


def test_no_weight_that_a_loss_depends_on_is_an_error():
    inputs = cnnfast.Input((4,))
    outputs = [layers.Flatten()(inputs), layers.Dense(2, name="b")(inputs)]
    model = cnnfast.Model(inputs, outputs)
    model.compile("sgd", ["mse", None])
    x, y = data()
    with pytest.raises(ValueError, match=r"No gradients provided for any variable.*'b/kernel'"):
        model.train_on_batch(x, [x, y[1]])
