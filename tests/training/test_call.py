"""`model(x, training=True)`: dropout and batch statistics in a call."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import layers

X = np.random.default_rng(0).standard_normal((64, 6, 6, 2), dtype=np.float32)


def sequential(*made: Any) -> cnnfast.Sequential:
    return cnnfast.Sequential([cnnfast.Input((6, 6, 2)), *made])


def test_dropout_drops_anew_in_each_call_and_keeps_the_mean():
    cnnfast.random.set_seed(1)
    model = sequential(layers.Dropout(0.25))
    first, second = model(X, training=True), model(X, training=True)
    assert not np.array_equal(first, second)
    for found in (first, second):
        kept = found != 0
        # The share that is kept has a standard deviation of sqrt(0.25 * 0.75 / count).
        assert abs(kept.mean() - 0.75) < 5 * np.sqrt(0.25 * 0.75 / found.size)
        np.testing.assert_allclose(found[kept], X[kept] / 0.75, rtol=1e-6)
    np.testing.assert_array_equal(model(X), X)
    np.testing.assert_array_equal(model(X, training=False), X)


def test_the_seed_decides_what_is_dropped():
    model = sequential(layers.Conv2D(3, 3), layers.Dropout(0.5), layers.GaussianNoise(0.1))
    found = []
    for _ in range(2):
        cnnfast.random.set_seed(7)
        found.append([model(X, training=True), model(X, training=True)])
    np.testing.assert_array_equal(found[0], found[1])


def test_batch_statistics_are_used_and_followed():
    model = sequential(layers.BatchNormalization(momentum=0.9, epsilon=1e-3))
    found = model(X, training=True)
    mean, variance = X.mean((0, 1, 2), np.float64), X.var((0, 1, 2), dtype=np.float64)
    np.testing.assert_allclose(found, (X - mean) / np.sqrt(variance + 1e-3), rtol=0, atol=1e-5)
    moving = model.layers[0]
    np.testing.assert_allclose(moving.moving_mean.numpy(), 0.1 * mean, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(moving.moving_variance.numpy(), 0.9 + 0.1 * variance, rtol=1e-5)
    again = model(X, training=True)
    np.testing.assert_array_equal(again, found)
    np.testing.assert_allclose(moving.moving_mean.numpy(), 0.19 * mean, rtol=1e-5, atol=1e-7)


def test_without_either_it_predicts():
    model = sequential(layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(3))
    np.testing.assert_allclose(model(X, training=True), model(X), rtol=1e-5, atol=1e-5)


def test_assigned_weights_are_heeded():
    model = sequential(layers.Conv2D(4, 3), layers.Dropout(0.0))
    model(X, training=True)
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    assert not model(X, training=True).any()


def test_outputs_come_as_the_model_has_them():
    inputs = cnnfast.Input((4,)), cnnfast.Input((3,))
    joined = layers.Dropout(0.5)(layers.Concatenate()(list(inputs)))
    model = cnnfast.Model(inputs, {"a": layers.Dense(2)(joined), "b": layers.Dense(1)(joined)})
    found = model([np.ones((5, 4)), np.ones((5, 3))], training=True)
    assert {name: array.shape for name, array in found.items()} == {"a": (5, 2), "b": (5, 1)}


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_change_no_bit(threads: int):
    model = sequential(
        layers.Conv2D(8, 3, kernel_initializer=cnnfast.initializers.HeNormal(3)),
        layers.BatchNormalization(), layers.Dropout(0.5),
    )  # fmt: skip
    found = []
    before = cnnfast.config.get_num_threads()
    try:
        for count in (1, threads):
            cnnfast.config.set_num_threads(count)
            cnnfast.random.set_seed(5)
            found.append(model(X, training=True))
    finally:
        cnnfast.config.set_num_threads(before)
    np.testing.assert_array_equal(found[0], found[1])


def test_python_threads_take_turns():
    model = sequential(layers.Conv2D(40, 3), layers.BatchNormalization(), layers.Dropout(0.5))
    shapes: list[tuple[int, ...]] = []

    def call() -> None:
        shapes.extend(model(X[: 8 + i % 3], training=True).shape for i in range(20))

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(shapes) == sorted([(8 + i % 3, 4, 4, 40) for i in range(20)] * 4)


def test_an_id_outside_its_table_is_named_and_changes_nothing():
    model = cnnfast.Sequential([
        cnnfast.Input((5,), dtype="int32"), layers.Embedding(10, 4), layers.BatchNormalization(),
    ])  # fmt: skip
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"ids from 0 to 9\. Received 99"):
        model(np.full((3, 5), 99), training=True)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_that_was_called_can_be_copied():
    model = sequential(layers.Conv2D(3, 3), layers.Dropout(0.5))
    model(X, training=True)
    for made in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(made(X), model(X))
        assert made(X, training=True).shape == (64, 4, 4, 3)


def test_what_cannot_be_is_named():
    model = sequential(layers.Dropout(0.5))
    with pytest.raises(ValueError, match="at least one"):
        model(X[:0], training=True)
    with pytest.raises(ValueError, match="expected"):
        model(X[..., :1], training=True)
