"""`variable.trainable = False`: single variables of a layer that stay as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import layers

X = np.random.default_rng(2).standard_normal((20, 6, 6, 2), dtype=np.float32)
LABELS = np.arange(20) % 3


def network() -> Any:
    np.random.seed(7)
    return cnnfast.Sequential([
        cnnfast.Input((6, 6, 2)),
        layers.Conv2D(4, 3, padding="same"),
        layers.BatchNormalization(),
        layers.DepthwiseConv2D(3),
        layers.PReLU(shared_axes=[1, 2]),
        layers.SeparableConv2D(5, 2, activation="relu"),
        layers.Flatten(),
        layers.Dense(3, activation="softmax", kernel_regularizer="l2"),
    ])  # fmt: skip


PATHS = [weight.path.partition("/")[2] for weight in network().trainable_weights]


def changed(model: Any) -> set[str]:
    before = model.get_weights()
    model.fit(X, LABELS, batch_size=7, epochs=2, verbose=0)
    pairs = zip(before, model.weights, strict=True)
    return {w.path.partition("/")[2] for value, w in pairs if not np.array_equal(value, w.numpy())}


def name_of(path: str) -> str:
    """Drop the number that a layer's name ends in."""
    layer, _, variable = path.partition("/")
    return f"{layer.rstrip('0123456789').rstrip('_')}/{variable}"


@pytest.mark.parametrize("index", range(len(PATHS)), ids=[name_of(path) for path in PATHS])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_frozen_variable_stays_and_all_others_train(optimizer: str, index: int) -> None:
    model = network()
    frozen = model.trainable_weights[index]
    frozen.trainable = False
    assert frozen not in model.trainable_weights
    assert frozen in model.non_trainable_weights
    model.compile(optimizer, "sparse_categorical_crossentropy")
    every = {weight.path.partition("/")[2] for weight in model.weights}
    assert changed(model) == every - {frozen.path.partition("/")[2]}
    frozen.trainable = True
    model.compile(optimizer, "sparse_categorical_crossentropy")
    assert changed(model) == every


def test_others_train_as_with_a_gradient_of_zero() -> None:
    frozen, whole = network(), network()
    whole.set_weights(frozen.get_weights())
    kernel = frozen.layers[0].kernel
    kernel.trainable = False
    for model in (frozen, whole):
        model.compile(cnnfast.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
        model.train_on_batch(X, LABELS)
    for one, other in zip(frozen.weights, whole.weights, strict=True):
        assert np.array_equal(one.numpy(), other.numpy()) == (one is not kernel), one.path


def test_it_is_heeded_by_the_next_compile_alone() -> None:
    model = network()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.train_on_batch(X, LABELS)
    bias = model.layers[-1].bias
    bias.trainable = False
    before = bias.numpy()
    with pytest.warns(UserWarning, match="frozen or set free"):
        model.train_on_batch(X, LABELS)
    assert not np.array_equal(before, bias.numpy())
    before = bias.numpy()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.train_on_batch(X, LABELS)
    np.testing.assert_array_equal(before, bias.numpy())


def test_the_layer_has_the_last_word() -> None:
    layer = layers.Dense(3)
    layer.build((None, 2))
    layer.bias.trainable = False
    assert layer.trainable_weights == [layer.kernel]
    layer.trainable = True
    assert layer.trainable_weights == [layer.kernel, layer.bias]
    layer.trainable = False
    layer.bias.trainable = True
    assert layer.trainable_weights == []


def test_what_is_no_truth_value_is_refused() -> None:
    layer = layers.Dense(3)
    layer.build((None, 2))
    with pytest.raises(ValueError, match=r"'dense.*/bias' must be True or False.*'no'"):
        layer.bias.trainable = "no"
    assert layer.bias.trainable
