"""Trained models that cross over between files of ours and Keras's own, with their optimizers."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import cnnfast
import tolerances
from cnnfast import layers

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

# A few steps, each of which may add some roundings of weights of about 1.
BOUND = tolerances.UNIT_ROUNDOFF * 4 * 10

RANDOM = np.random.default_rng(6)
X = RANDOM.normal(size=(16, 7, 7, 2)).astype(np.float32)
LABELS = RANDOM.integers(0, 3, 16)
OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"learning_rate": 0.1}),
    "momentum": ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    "rmsprop": ("RMSprop", {"centered": True, "momentum": 0.5}),
    "adam": ("Adam", {"amsgrad": True, "clipnorm": 0.5}),
    "adamw": ("AdamW", {"use_ema": True}),
    "adagrad": ("Adagrad", {"learning_rate": 0.1}),
    "adadelta": ("Adadelta", {"learning_rate": 0.5}),
    "adamax": ("Adamax", {}),
    "nadam": ("Nadam", {}),
    "ftrl": ("Ftrl", {"learning_rate": 0.1}),
    "lion": ("Lion", {}),
}

every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)
every_format = pytest.mark.parametrize("suffix", [".keras", ".h5"])


def network() -> Any:
    return cnnfast.Sequential(
        [
            cnnfast.Input((7, 7, 2)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def compiled(module: Any, model: Any, name: str) -> Any:
    """Compile with objects on one side, so that their configs cross over too."""
    class_name, options = OPTIMIZERS[name]
    model.compile(
        getattr(module.optimizers, class_name)(**options),
        module.losses.SparseCategoricalCrossentropy(),
        metrics=[module.metrics.SparseCategoricalAccuracy(name="right")],
    )
    return model


def trained(module: Any, model: Any, name: str) -> Any:
    compiled(module, model, name)
    for start in (0, 8):
        model.train_on_batch(X[start : start + 8], LABELS[start : start + 8])
    return model


def assert_same_state(ours: Any, theirs: Any, bound: float = 0.0) -> None:
    pairs = zip(ours.get_weights(), theirs.get_weights(), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, bound, bound)
    for variable, other in zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True):
        np.testing.assert_allclose(variable.numpy(), np.asarray(other), bound, bound)


def assert_same_way_on(ours: Any, theirs: Any) -> None:
    one, other = (model.train_on_batch(X, LABELS, return_dict=True) for model in (ours, theirs))
    assert list(one) == list(other) == ["loss", "right"]
    np.testing.assert_allclose(list(one.values()), list(other.values()), BOUND, BOUND)
    assert_same_state(ours, theirs, BOUND)


@every_optimizer
def test_model_trained_here_trains_on_in_keras(
    keras: ModuleType, tmp_path: Path, name: str
) -> None:
    ours = trained(cnnfast, network(), name)
    ours.save(tmp_path / "model.keras")
    theirs = keras.models.load_model(tmp_path / "model.keras")
    assert theirs.compiled
    assert_same_state(ours, theirs)
    assert_same_way_on(ours, theirs)


def test_model_trained_here_is_compiled_in_keras_from_hdf5_too(
    keras: ModuleType, tmp_path: Path
) -> None:
    # Keras builds the optimizer of such a file, its own files included, for no weights at all.
    ours = trained(cnnfast, network(), "sgd")
    ours.save(tmp_path / "model.h5")
    theirs = keras.models.load_model(tmp_path / "model.h5")
    one, other = (model.evaluate(X, LABELS, verbose=0) for model in (ours, theirs))
    np.testing.assert_allclose(one, other, BOUND, BOUND)


@every_format
@every_optimizer
def test_model_trained_in_keras_trains_on_here(
    keras: ModuleType, tmp_path: Path, name: str, suffix: str
) -> None:
    theirs = trained(keras, keras.models.model_from_json(network().to_json()), name)
    theirs.save(tmp_path / f"model{suffix}")
    ours = cnnfast.load_model(tmp_path / f"model{suffix}")
    assert ours.compiled
    assert_same_state(ours, theirs)
    assert_same_way_on(ours, theirs)


@every_format
def test_model_that_keras_compiled_with_a_function_loads_with_it_or_uncompiled(
    keras: ModuleType, tmp_path: Path, suffix: str
) -> None:
    def squares(y_true: Any, y_pred: Any) -> Any:
        return (y_true - y_pred) ** 2

    theirs = keras.models.model_from_json(network().to_json())
    theirs.compile("adam", loss=squares, metrics=["mae"])
    theirs.save(tmp_path / f"model{suffix}")
    with pytest.raises(ValueError, match=r"loss 'squares'.*compile=False"):
        cnnfast.load_model(tmp_path / f"model{suffix}")
    assert not cnnfast.load_model(tmp_path / f"model{suffix}", compile=False).compiled
    ours = cnnfast.load_model(tmp_path / f"model{suffix}", custom_objects={"squares": squares})
    one, other = (
        model.evaluate(X, np.eye(3, dtype=np.float32)[LABELS], verbose=0)
        for model in (ours, theirs)
    )
    np.testing.assert_allclose(one, other, BOUND, BOUND)


@every_format
def test_model_that_keras_compiled_by_names_loads_compiled(
    keras: ModuleType, tmp_path: Path, suffix: str
) -> None:
    theirs = keras.models.model_from_json(network().to_json())
    theirs.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    theirs.save(tmp_path / f"model{suffix}")
    ours = cnnfast.load_model(tmp_path / f"model{suffix}")
    assert ours.loss == "sparse_categorical_crossentropy"
    assert ours.metrics_names == ["loss", "accuracy"]
    one, other = (model.evaluate(X, LABELS, verbose=0) for model in (ours, theirs))
    np.testing.assert_allclose(one, other, BOUND, BOUND)


def network_with_calls(keras: ModuleType) -> Any:
    inputs = keras.Input((7, 7, 2))
    base = keras.Sequential([
        keras.Input((7, 7, 2)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(),
    ])  # fmt: skip
    pooled = keras.layers.GlobalAveragePooling2D()(base(inputs, training=False))
    dropped = keras.layers.Dropout(0.5)(pooled, training=True)
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(dropped))


def said_in_calls(model: Any) -> list[Any]:
    return [
        [call["kwargs"].get("training") for call in layer["inbound_nodes"]]
        for layer in model.get_config()["layers"]
    ]


@every_format
def test_what_calls_say_about_training_crosses_over(
    keras: ModuleType, tmp_path: Path, suffix: str
) -> None:
    expected = [[], [False], [None], [True], [None]]
    for name, makes, reads in (("a", keras, cnnfast), ("b", cnnfast, keras)):
        made = network_with_calls(makes)
        assert said_in_calls(made) == expected
        made.save(tmp_path / f"{name}{suffix}")
        read = reads.models.load_model(tmp_path / f"{name}{suffix}")
        assert said_in_calls(read) == expected
        for one, other in zip(made.get_weights(), read.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


@every_format
def test_normalization_behind_a_mask_crosses_over(
    keras: ModuleType, tmp_path: Path, suffix: str
) -> None:
    ids = np.array([[3, 1, 2, 0, 0], [4, 4, 0, 0, 0]], np.int32)
    for name, makes, reads in (("a", keras, cnnfast), ("b", cnnfast, keras)):
        inputs = makes.Input((5,), dtype="int32")
        embedded = makes.layers.Embedding(6, 3, mask_zero=True)(inputs)
        made = makes.Model(inputs, makes.layers.BatchNormalization(momentum=0.0)(embedded))
        made.save(tmp_path / f"{name}{suffix}")
        read = reads.models.load_model(tmp_path / f"{name}{suffix}")
        for model in (made, read):
            model(ids, training=True)
        for one, other in zip(made.get_weights(), read.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, BOUND, BOUND)


@every_format
def test_mean_behind_a_mask_crosses_over(keras: ModuleType, tmp_path: Path, suffix: str) -> None:
    ids = np.array([[3, 1, 2, 0, 0], [4, 4, 0, 0, 0]], np.int32)
    for name, makes, reads in (("a", keras, cnnfast), ("b", cnnfast, keras)):
        inputs = makes.Input((5,), dtype="int32")
        embedded = makes.layers.Embedding(6, 3, mask_zero=True)(inputs)
        mean = makes.layers.GlobalAveragePooling1D()(makes.layers.Dense(2)(embedded))
        made = makes.Model(inputs, makes.layers.Dense(1)(mean))
        made.save(tmp_path / f"{name}{suffix}")
        read = reads.models.load_model(tmp_path / f"{name}{suffix}")
        found, expected = (np.asarray(model(ids)) for model in (read, made))
        np.testing.assert_allclose(found, expected, BOUND, BOUND)
        for model in (made, read):
            model.compile("sgd", "mse")
            model.train_on_batch(ids, np.ones((2, 1), np.float32))
        for one, other in zip(made.get_weights(), read.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, BOUND, BOUND)
