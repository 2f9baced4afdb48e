"""Layers that do something else in training: statistics of batches, random numbers, penalties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cnnfast
import tolerances
from cnnfast import layers

THREADS = (1, 2, 7)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(23)


def network(middle: Callable[[], Any]) -> Any:
    # Initializers and `fit` draw their seeds from here.
    np.random.seed(5)
    return cnnfast.Sequential(
        [
            cnnfast.Input((16, 16, 3)),
            layers.Conv2D(24, 3, padding="same"),
            *middle(),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def trained(model: Any, x: np.ndarray, y: np.ndarray, epochs: int = 2) -> list[np.ndarray]:
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=24, epochs=epochs, verbose=0)
    weights: list[np.ndarray] = model.get_weights()
    return weights


def samples(rng: np.random.Generator, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    x = rng.standard_normal((count, 16, 16, 3)).astype(np.float32)
    return x, rng.integers(0, 3, count)


MIDDLES: dict[str, Any] = {
    "statistics": lambda: (
        layers.BatchNormalization(), layers.Activation("relu"),
        layers.MaxPooling2D(2), layers.Conv2D(20, 3),
        layers.BatchNormalization(momentum=0.8),
    ),
    "dropout": lambda: (layers.Dropout(0.3), layers.SpatialDropout2D(0.2)),
    "noise": lambda: (
        layers.GaussianNoise(0.2), layers.GaussianDropout(0.2), layers.AlphaDropout(0.1),
    ),
    "all": lambda: (
        layers.BatchNormalization(), layers.Dropout(0.25),
        layers.Conv2D(20, 3, activity_regularizer="l2"), layers.BatchNormalization(),
        layers.Activation("relu"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MIDDLES)
def test_fit_any_number_of_threads_gives_the_same_bits(
    isa: str, rng: np.random.Generator, name: str
) -> None:
    x, y = samples(rng)
    before = cnnfast.config.get_num_threads()
    found = []
    try:
        for threads in THREADS:
            cnnfast.config.set_num_threads(threads)
            found.append(trained(network(MIDDLES[name]), x, y))
    finally:
        cnnfast.config.set_num_threads(before)
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


# ---- statistics of batches


def test_batch_normalization_moving_averages_follow_the_batch(rng: np.random.Generator) -> None:
    layer = layers.BatchNormalization(momentum=0.75)
    model = cnnfast.Sequential([cnnfast.Input((5,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    x = rng.standard_normal((12, 5)).astype(np.float32) * 2 + 1
    model.train_on_batch(x, np.zeros((12, 1)))
    exact = x.astype(np.float64)
    error = tolerances.float32_sum(12, 3.0 * np.abs(exact).max() ** 2)
    assert np.all(np.abs(layer.moving_mean.value - exact.mean(axis=0) / 4) <= error)
    assert np.all(np.abs(layer.moving_variance.value - 0.75 - exact.var(axis=0) / 4) <= error)


def test_batch_normalization_that_is_frozen_keeps_all_its_weights(
    rng: np.random.Generator,
) -> None:
    layer = layers.BatchNormalization(trainable=False)
    model = cnnfast.Sequential([cnnfast.Input((5,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    before = layer.get_weights()
    model.train_on_batch(rng.standard_normal((8, 5)), np.zeros((8, 1)))
    for one, other in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_batch_normalization_frozen_later_stops_following(rng: np.random.Generator) -> None:
    layer = layers.BatchNormalization(center=False, scale=False)
    model = cnnfast.Sequential([cnnfast.Input((5,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    x = rng.standard_normal((8, 5)).astype(np.float32)
    model.train_on_batch(x, np.zeros((8, 1)))
    layer.trainable = False
    model.compile("sgd", "mse")
    before = layer.get_weights()
    model.train_on_batch(x, np.zeros((8, 1)))
    for one, other in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_batch_normalization_assigned_averages_are_heeded(rng: np.random.Generator) -> None:
    layer = layers.BatchNormalization(momentum=1.0)
    model = cnnfast.Sequential([cnnfast.Input((5,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    x = rng.standard_normal((8, 5)).astype(np.float32)
    model.train_on_batch(x, np.zeros((8, 1)))
    layer.moving_mean.assign(np.arange(5))
    model.train_on_batch(x, np.zeros((8, 1)))
    np.testing.assert_array_equal(layer.moving_mean.value, np.arange(5))


def test_batch_normalization_id_out_of_range_leaves_the_averages_alone() -> None:
    layer = layers.BatchNormalization()
    model = cnnfast.Sequential(
        [cnnfast.Input((3,), dtype="int32"), layers.Embedding(4, 2), layer, layers.Flatten(),
         layers.Dense(1)]
    )  # fmt: skip
    model.compile("sgd", "mse")
    model.train_on_batch(np.zeros((2, 3)), np.zeros((2, 1)))
    before = model.get_weights()
    with pytest.raises(ValueError, match="9"):
        model.train_on_batch(np.full((2, 3), 9), np.zeros((2, 1)))
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


# ---- random numbers


def dropping(layer: Any, units: int = 40) -> Any:
    model = cnnfast.Sequential(
        [cnnfast.Input((units,)), layer, layers.Dense(1, kernel_initializer="ones")]
    )
    model.compile(cnnfast.optimizers.SGD(1.0), sum_of_outputs)
    return model


def sum_of_outputs(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    return y_pred[:, 0]


def gradient(model: Any, x: np.ndarray) -> np.ndarray:
    """Return the gradient of the last kernel: the mean of what reaches it."""
    kernel = model.layers[-1].kernel
    before = kernel.numpy()
    model.train_on_batch(x, np.zeros((len(x), 1)))
    difference: np.ndarray = before - kernel.numpy()
    return difference[:, 0]


def test_dropout_gradient_meets_what_was_kept_and_scaled() -> None:
    # One sample of ones: the gradient is the mask.
    x = np.ones((1, 4000), np.float32)
    found = gradient(dropping(layers.Dropout(0.2), 4000), x)
    kept = found > 0.5
    assert np.all(np.abs(found[kept] - 1.25) <= tolerances.roundings(8, 2.0))
    assert np.all(np.abs(found[~kept]) <= tolerances.roundings(8, 2.0))
    assert abs(kept.mean() - 0.8) < 5 * np.sqrt(0.16 / 4000)


def test_dropout_passes_the_same_mask_back(rng: np.random.Generator) -> None:
    first = layers.Dense(30, use_bias=False, kernel_initializer="zeros")
    last = layers.Dense(1, kernel_initializer="ones")
    model = cnnfast.Sequential([cnnfast.Input((1,)), first, layers.Dropout(0.5), last])
    model.compile(cnnfast.optimizers.SGD(1.0), sum_of_outputs)
    first.kernel.assign(np.ones((1, 30)))
    model.train_on_batch(np.ones((1, 1)), np.zeros((1, 1)))
    forward = 1 - last.kernel.numpy()[:, 0]
    backward = 1 - first.kernel.numpy()[0]
    assert set(np.round(forward, 5)) == {0.0, 2.0}
    np.testing.assert_allclose(forward, backward, rtol=0, atol=tolerances.roundings(8, 4.0))


def test_dropout_draws_anew_each_step_and_for_each_sample() -> None:
    model, x = dropping(layers.Dropout(0.5)), np.ones((1, 40), np.float32)
    assert np.any(gradient(model, x) != gradient(model, x))
    both = gradient(dropping(layers.Dropout(0.5)), np.ones((2, 40), np.float32))
    # Means over two samples: dropped in one of them somewhere.
    assert set(np.round(both, 4)) == {0.0, 1.0, 2.0}


def test_dropout_draws_anew_for_each_of_the_gradients_that_are_accumulated() -> None:
    model = dropping(layers.Dropout(0.5), 400)
    optimizer = cnnfast.optimizers.SGD(1.0, gradient_accumulation_steps=2)
    model.compile(optimizer, sum_of_outputs)
    kernel, x = model.layers[-1].kernel, np.ones((1, 400), np.float32)
    before = kernel.numpy()
    for _ in range(2):
        model.train_on_batch(x, np.zeros((1, 1)))
    # Means of two masks of zeros and twos.
    assert set(np.round((before - kernel.numpy())[:, 0], 4)) == {0.0, 1.0, 2.0}


@pytest.mark.parametrize("shape", [(None, 1, 3), (None, 4, 1), (None, 1, 1), (1, None, None)])
def test_dropout_noise_shape_repeats_the_mask(shape: Any) -> None:
    model = cnnfast.Sequential(
        [
            cnnfast.Input((4, 3)),
            layers.Dropout(0.5, noise_shape=shape, seed=1),
            layers.Flatten(),
            layers.Dense(1, kernel_initializer="ones"),
        ]
    )
    model.compile(cnnfast.optimizers.SGD(1.0), sum_of_outputs)
    masks = np.round(gradient(model, np.ones((8, 4, 3), np.float32)), 4).reshape(4, 3)
    for axis in (0, 1):
        if shape[axis + 1] == 1:
            assert np.all(masks == np.take(masks, [0], axis=axis))
        else:
            assert len(np.unique(masks, axis=axis)) > 1 or shape[0] == 1
    if shape[0] == 1:
        assert set(masks.ravel()) == {0.0, 2.0}


def test_spatial_dropout_drops_whole_channels_in_either_layout() -> None:
    for data_format, shape in (("channels_last", (4, 5, 64)), ("channels_first", (64, 4, 5))):
        model = cnnfast.Sequential(
            [
                cnnfast.Input(shape),
                layers.SpatialDropout2D(0.5, data_format=data_format),
                layers.Flatten(),
                layers.Dense(1, kernel_initializer="ones"),
            ]
        )
        model.compile(cnnfast.optimizers.SGD(1.0), sum_of_outputs)
        mask = np.round(gradient(model, np.ones((1, *shape), np.float32)), 4).reshape(shape)
        pixels = (0, 1) if data_format == "channels_last" else (1, 2)
        assert np.all(mask.min(axis=pixels) == mask.max(axis=pixels))
        assert set(mask.ravel()) == {0.0, 2.0}


@pytest.mark.parametrize("make", [layers.Dropout, layers.GaussianNoise, layers.GaussianDropout])
def test_noise_with_a_seed_is_the_same_in_every_run(make: Any) -> None:
    x = np.ones((1, 40), np.float32)
    found = [gradient(dropping(make(0.5, seed=seed)), x) for seed in (7, 7, 8)]
    np.testing.assert_array_equal(found[0], found[1])
    assert np.any(found[0] != found[2])


def test_fit_with_the_seed_of_another_run_repeats_its_bits(rng: np.random.Generator) -> None:
    x, y = samples(rng, 30)
    runs = [trained(network(lambda: [layers.Dropout(0.5)]), x, y) for _ in range(2)]
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_dropout_of_everything_leaves_zeros() -> None:
    found = gradient(dropping(layers.Dropout(1.0)), np.ones((2, 40), np.float32))
    np.testing.assert_array_equal(found, np.zeros(40))


def test_dropout_is_left_out_of_evaluation_and_prediction(rng: np.random.Generator) -> None:
    x, y = samples(rng, 12)
    model = network(lambda: [layers.Dropout(0.9), layers.GaussianNoise(1.0)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    probabilities = model.predict(x, verbose=0)[np.arange(12), y]
    assert model.evaluate(x, y, verbose=0) == pytest.approx(-np.log(probabilities).mean(), rel=1e-5)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = np.random.default_rng(1).standard_normal((1, 20000)).astype(np.float32)
    found = gradient(dropping(layers.AlphaDropout(0.3), 20000), x)
    assert abs(found.mean()) < 0.05
    assert abs(found.std() - 1) < 0.05
