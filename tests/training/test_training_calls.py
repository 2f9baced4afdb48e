"""Calls that say `training=`: they hold whatever the model around them does."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import layers

X = np.random.default_rng(3).standard_normal((70, 6, 6, 2), dtype=np.float32)
LABELS = np.arange(70) % 3


def random_model(rate: float = 0.25, seed: int | None = None, **batch: Any) -> cnnfast.Model:
    inputs = cnnfast.Input((6, 6, 2), **batch)
    return cnnfast.Model(inputs, layers.Dropout(rate, seed=seed)(inputs, training=True))


def transfer_model() -> tuple[cnnfast.Model, Any, Any]:
    """Build the idiom of Keras's guide; give the model, the base and its normalization."""
    base = cnnfast.Sequential([
        cnnfast.Input((6, 6, 2)), layers.Conv2D(4, 3, use_bias=False),
        layers.BatchNormalization(), layers.Dropout(0.5),
    ])  # fmt: skip
    inputs = cnnfast.Input((6, 6, 2))
    pooled = layers.GlobalAveragePooling2D()(base(inputs, training=False))
    model = cnnfast.Model(inputs, layers.Dense(3, activation="softmax")(pooled))
    return model, base, base.layers[1]


def test_dropout_that_trains_drops_in_every_prediction():
    cnnfast.random.set_seed(2)
    model = random_model()
    calls = (model, model.predict_on_batch, lambda x: model.predict(x, verbose=0))
    found = [call(X) for call in calls for _ in range(2)]
    for index, one in enumerate(found):
        kept = one != 0
        # The share that is kept has a standard deviation of sqrt(0.25 * 0.75 / count).
        assert abs(kept.mean() - 0.75) < 5 * np.sqrt(0.25 * 0.75 / one.size)
        np.testing.assert_allclose(one[kept], X[kept] / 0.75, rtol=1e-6)
        assert not any(np.array_equal(one, other) for other in found[:index])


def test_dropout_that_trains_follows_the_seed():
    model = random_model()
    found = []
    for _ in range(2):
        cnnfast.random.set_seed(4)
        found.append(model.predict(X, verbose=0))
    np.testing.assert_array_equal(*found)


def test_dropout_with_a_seed_repeats_its_sequence_and_not_its_draws():
    one, other = random_model(seed=5), random_model(seed=5)
    first = [one(X) for _ in range(3)]
    for drawn, again in zip(first, (other(X) for _ in range(3)), strict=True):
        np.testing.assert_array_equal(drawn, again)
    assert not np.array_equal(first[0], first[1])


def test_many_samples_fill_the_array_that_was_given():
    out = np.zeros_like(X)
    assert random_model(0.5).predict(X, batch_size=8, verbose=0, out=out) is out
    assert 0.4 < (out != 0).mean() < 0.6
    assert not np.array_equal(out[:8] != 0, out[8:16] != 0)


def test_statistics_of_each_batch_are_used_and_followed_in_predictions():
    inputs = cnnfast.Input((6, 6, 2))
    layer = layers.BatchNormalization(momentum=0.9)
    model = cnnfast.Model(inputs, layer(inputs, training=True))
    found = model.predict(X, batch_size=35, verbose=0)
    moving = np.zeros(2)
    for rows in (slice(0, 35), slice(35, 70)):
        mean, variance = X[rows].mean((0, 1, 2), np.float64), X[rows].var((0, 1, 2), np.float64)
        expected = (X[rows] - mean) / np.sqrt(variance + 1e-3)
        np.testing.assert_allclose(found[rows], expected, rtol=0, atol=1e-5)
        moving = 0.9 * moving + 0.1 * mean
    np.testing.assert_allclose(layer.moving_mean.numpy(), moving, rtol=1e-5, atol=1e-7)
    layer.trainable = False
    np.testing.assert_allclose(model(X[:1]), layer(X[:1]), rtol=0, atol=0)


def test_base_model_called_for_prediction_keeps_its_averages_and_trains_the_rest():
    model, base, normalization = transfer_model()
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = {weight.path: weight.numpy() for weight in model.weights}
    model.fit(X, LABELS, verbose=0, batch_size=20, epochs=2)
    changed = {w.path for w in model.weights if not np.array_equal(before[w.path], w.numpy())}
    moving = {normalization.moving_mean.path, normalization.moving_variance.path}
    assert changed == set(before) - moving
    base.trainable = False
    model.compile("sgd", "sparse_categorical_crossentropy")
    kept = base.get_weights()
    model.fit(X, LABELS, verbose=0, batch_size=20)
    for one, other in zip(kept, base.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_averages_assigned_between_steps_are_heeded():
    model, _, normalization = transfer_model()
    model.compile(cnnfast.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    first = model.train_on_batch(X, LABELS)
    assert model.train_on_batch(X, LABELS) == first
    normalization.moving_mean.assign([50.0] * 4)
    assert model.train_on_batch(X, LABELS) != first
    found = model.evaluate(X, LABELS, verbose=0, batch_size=70)
    assert model.train_on_batch(X, LABELS) == pytest.approx(found, rel=1e-5)


def test_dropout_called_for_prediction_never_drops():
    inputs = cnnfast.Input((6, 6, 2))
    model = cnnfast.Model(inputs, layers.Dropout(0.5)(inputs, training=False))
    np.testing.assert_array_equal(model(X, training=True), X)
    np.testing.assert_array_equal(model(X), X)


def test_the_innermost_call_decides():
    inputs = cnnfast.Input((6, 6, 2))
    inner = random_model()
    outer = cnnfast.Model(inputs, inner(inputs, training=False))
    assert not np.array_equal(outer(X), X)
    plain = cnnfast.Sequential([cnnfast.Input((6, 6, 2)), layers.Dropout(0.5)])
    random = cnnfast.Model(inputs, plain(inputs, training=True))
    assert not np.array_equal(random(X), X)
    np.testing.assert_array_equal(plain(X), X)


def test_evaluation_draws_where_a_call_trains():
    cnnfast.random.set_seed(1)
    inputs = cnnfast.Input((6, 6, 2))
    dropped = layers.Flatten()(layers.Dropout(0.5)(inputs, training=True))
    model = cnnfast.Model(inputs, layers.Dense(3, activation="softmax")(dropped))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    one, other = (model.evaluate(X, LABELS, verbose=0) for _ in range(2))
    assert one[0] != other[0]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_files_keep_what_calls_say(tmp_path: Path, suffix: str):
    model, _, _ = transfer_model()
    model.save(tmp_path / f"model{suffix}")
    loaded = cnnfast.load_model(tmp_path / f"model{suffix}")
    for one in (loaded, copy.deepcopy(model), cnnfast.models.clone_model(model)):
        one.compile("sgd", "sparse_categorical_crossentropy")
        kept = one.layers[1].layers[1].moving_mean.numpy()
        one.fit(X, LABELS, verbose=0)
        np.testing.assert_array_equal(kept, one.layers[1].layers[1].moving_mean.numpy())
    random_model().save(tmp_path / f"random{suffix}")
    assert not np.array_equal(cnnfast.load_model(tmp_path / f"random{suffix}")(X), X)


@pytest.mark.parametrize("training", [True, False, None])
def test_files_of_keras_2_say_it_behind_each_input(training: bool | None):
    places = [[["a", 0, 0, {"training": training}]]]
    config = {
        "name": "old",
        "layers": [
            {"class_name": "InputLayer", "name": "a", "inbound_nodes": [],
             "config": {"batch_input_shape": [None, 6, 6, 2], "name": "a", "dtype": "float32"}},
            {"class_name": "Dropout", "name": "b", "config": {"rate": 0.5, "name": "b"},
             "inbound_nodes": places},
        ],
        "input_layers": [["a", 0, 0]],
        "output_layers": [["b", 0, 0]],
    }  # fmt: skip
    text = json.dumps({"class_name": "Functional", "config": config})
    model = cnnfast.models.model_from_json(text)
    assert np.array_equal(model(X), X) == (training is not True)
    assert np.array_equal(model(X, training=True), X) == (training is False)


def test_what_cannot_be_is_named():
    model = random_model()
    with pytest.raises(ValueError, match="at least one sample"):
        model(X[:0], training=True)
    with pytest.raises(NotImplementedError, match="training=True, and with it no plan"):
        model.plan()
    config = json.loads(model.to_json())
    config["config"]["layers"][1]["inbound_nodes"][0]["kwargs"]["training"] = "phase"
    with pytest.raises(ValueError, match=r"neither true nor false.*'phase'"):
        cnnfast.models.model_from_json(json.dumps(config))
    with pytest.raises(ValueError, match="must be True, False or None"):
        layers.Dropout(0.5)(cnnfast.Input((3,)), training="yes")  # type: ignore[arg-type]
