"""compile, fit and evaluate as a user meets them."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import layers
from cnnfast.training.callbacks import Callback


def model() -> Any:
    return cnnfast.Sequential(
        [
            cnnfast.Input((6, 6, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    """Give images whose class is the third of the rows that is bright."""
    random = np.random.default_rng(1)
    y = random.integers(0, 3, 96)
    x = random.standard_normal((96, 6, 6, 1)).astype(np.float32) * 0.3
    for image, label in zip(x, y, strict=True):
        image[2 * label : 2 * label + 2] += 1
    return x, y


def test_fit_learns_and_reports_under_keras_names(data: Any) -> None:
    x, y = data
    network = model()
    network.compile(
        cnnfast.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    history = network.fit(x, y, batch_size=16, epochs=12, validation_split=0.25, verbose=0)
    assert list(history.history) == ["acc", "loss", "val_acc", "val_loss"]
    assert history.history["val_acc"][-1] > 0.95
    loss, accuracy = network.evaluate(x[72:], y[72:], verbose=0)
    assert loss == pytest.approx(history.history["val_loss"][-1], rel=1e-6)
    predicted = network.predict(x[72:], verbose=0).argmax(axis=1)
    assert accuracy == pytest.approx((predicted == y[72:]).mean())


def test_fit_callbacks_see_and_change_weights(data: Any) -> None:
    x, y = data
    network, seen = model(), []
    network.compile("sgd", "sparse_categorical_crossentropy")
    kernel = network.layers[0].kernel

    class Watch(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(kernel.numpy())
            if batch == 1:
                kernel.assign(np.zeros(kernel.shape))

    network.fit(x, y, epochs=1, verbose=0, shuffle=False, callbacks=[Watch()])
    assert len(seen) == 3
    assert not np.array_equal(seen[0], seen[1])
    assert np.abs(seen[2]).max() < np.abs(seen[1]).max() / 2


def test_fit_leaves_frozen_layers_alone(data: Any) -> None:
    x, y = data
    network = model()
    network.layers[0].trainable = False
    network.compile("adam", "sparse_categorical_crossentropy")
    before = network.get_weights()
    network.fit(x, y, verbose=0)
    after = network.get_weights()
    same = [np.array_equal(one, other) for one, other in zip(before, after, strict=True)]
    assert same == [True, True, False, False]


def test_train_on_batch_a_label_out_of_range_is_named_and_changes_nothing(data: Any) -> None:
    x, _ = data
    network = model()
    network.compile("adam", "sparse_categorical_crossentropy")
    before = network.get_weights()
    with pytest.raises(ValueError, match=r"labels from 0 to 2.*Received: 7"):
        network.train_on_batch(x[:4], np.array([0, 1, 7, 2]))
    for one, other in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_train_on_batch_sample_weights_of_zero_teach_nothing(data: Any) -> None:
    x, y = data
    network = model()
    network.compile("sgd", "sparse_categorical_crossentropy")
    before = network.get_weights()
    assert network.train_on_batch(x, y, sample_weight=np.zeros(96)) == 0
    for one, other in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_train_on_batch_two_outputs_report_each_loss(data: Any) -> None:
    x, y = data
    inputs = cnnfast.Input((6, 6, 1))
    flat = layers.Flatten()(inputs)
    network = cnnfast.Model(
        inputs,
        [layers.Dense(3, activation="softmax", name="a")(flat), layers.Dense(1, name="b")(flat)],
    )
    losses = ["sparse_categorical_crossentropy", "mse"]
    network.compile("sgd", losses, loss_weights=[1.0, 0.5])
    before = network.predict(x, verbose=0)
    total, first, second = network.train_on_batch(x, [y, y.astype(np.float32)])
    assert first == pytest.approx(-np.log(before[0][np.arange(96), y]).mean(), rel=1e-5)
    assert second == pytest.approx(((before[1][:, 0] - y) ** 2).mean(), rel=1e-5)
    assert total == pytest.approx(first + 0.5 * second, rel=1e-6)


def test_fit_before_compile_says_so() -> None:
    with pytest.raises(RuntimeError, match="compile"):
        model().fit(np.zeros((8, 6, 6, 1)), np.zeros(8), verbose=0)


def test_compile_unknown_loss_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        model().compile("sgd", "nonsense")


def test_steps_of_several_python_threads_take_turns(data: Any) -> None:
    x, y = data
    network, losses = model(), []
    network.compile("sgd", "sparse_categorical_crossentropy", metrics=["acc"])
    # A rate of 0: every batch gives the same, as long as no step gets in the way of another.
    network.optimizer.learning_rate = 0.0
    expected = [network.train_on_batch(x[:n], y[:n]) for n in (32, 64, 96)]

    def call(n: int) -> None:
        for _ in range(40):
            losses.append((n, network.train_on_batch(x[:n], y[:n])))
            losses.append((n, network.test_on_batch(x[:n], y[:n])))

    callers = [threading.Thread(target=call, args=(n,)) for n in (32, 64, 96)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(losses) == 240
    for n, found in losses:
        np.testing.assert_allclose(found, expected[n // 32 - 1], rtol=1e-6)
    assert int(network.optimizer.iterations) == 123


def test_calls_of_several_python_threads_give_all_their_results(data: Any) -> None:
    x, y = data
    network, found = model(), []
    network.compile("sgd", "sparse_categorical_crossentropy", metrics=["acc"])
    network.optimizer.learning_rate = 0.0
    expected = network.evaluate(x, y, verbose=0)[0]
    calls: list[Any] = [
        lambda: network.fit(x, y, batch_size=16, verbose=0, shuffle=False).history["loss"][0],
        lambda: network.evaluate(x, y, batch_size=16, verbose=0)[0],
        lambda: network.train_on_batch(x, y)[0],
    ]

    def call(one: Any) -> None:
        found.extend(one() for _ in range(15))

    callers = [threading.Thread(target=call, args=(one,)) for one in calls * 2]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == 90
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_fit_while_a_callback_evaluates_reports_its_own_loss(data: Any) -> None:
    x, y = data

    def loss(evaluates: bool) -> list[float]:
        np.random.seed(5)
        network = model()
        network.compile("sgd", "sparse_categorical_crossentropy")
        judge = cnnfast.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: network.evaluate(10 * x, y, verbose=0)
        )
        calls = [judge] if evaluates else []
        found = network.fit(x, y, verbose=0, shuffle=False, callbacks=calls).history["loss"]
        return list(found)

    assert loss(evaluates=True) == loss(evaluates=False)
