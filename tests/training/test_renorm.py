"""Batch renormalization: its state, its bounds and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import layers

X = np.random.default_rng(6).normal(1.0, 2.0, (32, 5)).astype(np.float32)
Y = np.random.default_rng(7).normal(size=(32, 2)).astype(np.float32)


def network(**options: Any) -> Any:
    np.random.seed(1)
    model = cnnfast.Sequential([
        cnnfast.Input((5,)), layers.BatchNormalization(renorm=True, **options), layers.Dense(2),
    ])  # fmt: skip
    model.compile("sgd", "mse")
    return model


def test_moving_statistics_follow_and_the_variance_follows_from_the_deviation() -> None:
    model = network(momentum=0.9, renorm_momentum=0.6, epsilon=1e-3)
    layer = model.layers[0]
    mean, deviation = X.mean(0, np.float64), np.sqrt(X.var(0, np.float64) + 1e-3)
    model.train_on_batch(X, Y)
    expected = {
        "moving_mean": 0.1 * mean,
        "moving_stddev": 0.9 + 0.1 * deviation,
        "renorm_mean": 0.4 * mean,
        "renorm_stddev": 0.6 + 0.4 * deviation,
        "moving_variance": (0.9 + 0.1 * deviation) ** 2 - 1e-3,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(layer, name).numpy(), value, rtol=1e-5, err_msg=name)


def test_at_first_it_normalizes_by_what_it_starts_with() -> None:
    model = network(renorm_momentum=1.0)
    layer = model.layers[0]
    found = cnnfast.Model(model.inputs, layer.output)(X, training=True)
    np.testing.assert_allclose(found, X, rtol=1e-4, atol=1e-5)
    held = network(renorm_clipping={"rmin": 1.0, "rmax": 1.0, "dmax": 0.0}).layers[0]
    expected = (X - X.mean(0)) / np.sqrt(X.var(0) + 1e-3)
    model = cnnfast.Sequential([cnnfast.Input((5,)), held])
    np.testing.assert_allclose(model(X, training=True), expected, rtol=1e-4, atol=1e-5)


def test_first_values_follow_from_those_of_mean_and_variance() -> None:
    layer = layers.BatchNormalization(
        renorm=True,
        moving_mean_initializer=cnnfast.initializers.Constant(3.0),
        moving_variance_initializer=cnnfast.initializers.Constant(4.0),
    )
    layer.build((None, 2))
    assert [float(weight.numpy()[0]) for weight in layer.weights[2:]] == [3.0, 4.0, 2.0, 3.0, 2.0]


def test_state_goes_through_files_and_training_goes_on(tmp_path: Path) -> None:
    model = network()
    model.fit(X, Y, epochs=2, verbose=0)
    for suffix in (".keras", ".h5"):
        model.save(tmp_path / f"model{suffix}")
        loaded = cnnfast.load_model(tmp_path / f"model{suffix}")
        np.testing.assert_array_equal(loaded(X), model(X))
    model.train_on_batch(X, Y)
    loaded.train_on_batch(X, Y)
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("threads", [2, 7])
def test_threads_change_no_bit(threads: int) -> None:
    before, found = cnnfast.config.get_num_threads(), []
    try:
        for count in (1, threads):
            cnnfast.config.set_num_threads(count)
            model = network()
            model.fit(X, Y, epochs=2, batch_size=9, verbose=0, shuffle=False)
            found.append(model.get_weights())
    finally:
        cnnfast.config.set_num_threads(before)
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("clipping", "message"),
    [
        ({"rmax": 1.0, "rmin": 2.0}, "no less than `rmin`"),
        ({"dmax": -1.0}, "dmax"),
        ({"max": 1.0}, "keys among"),
        ([1.0], "keys among"),
    ],
)
def test_bounds_that_mean_nothing_are_refused(clipping: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layers.BatchNormalization(renorm=True, renorm_clipping=clipping)


def test_a_mask_is_refused_in_training_alone() -> None:
    model = cnnfast.Sequential([
        cnnfast.Input((4, 2)), layers.Masking(), layers.BatchNormalization(renorm=True),
    ])  # fmt: skip
    x = np.ones((3, 4, 2), np.float32)
    assert model(x).shape == x.shape
    with pytest.raises(NotImplementedError, match="no `renorm`"):
        model(x, training=True)
