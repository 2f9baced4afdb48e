"""Files of ours in Keras itself: the weights are the same bits, and so are the outputs.

The expected outputs are those of the same model made in Keras from its configuration, with its
weights handed over in memory.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest

import cnnfast
from cnnfast.layers.registry import LAYERS
from layercases import Case, build, read_cases
from savedmodels import MODELS, STANDARD, compiled, convnet, inputs_of, randomized

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis:UserWarning"),
]

CASES = list(read_cases())
WHOLE = (".keras", ".h5")
WEIGHTS = (".weights.h5", ".h5")
# Keras 3.15 drops an axis that is a list or None when it reads HDF5, also from files of its own.
AXES_LOST = {"softmax_two_axes", "normalization_none", "normalization_two_axes"}
AXES_LOST |= {"normalization_all_axes"}
# Layers that have no case of their own: they compute nothing in a prediction, or are the input.
UNSEEN = {"AlphaDropout", "GaussianDropout", "GaussianNoise", "Identity", "SpatialDropout1D"}
UNSEEN |= {"InputLayer", "RepeatVector", "SpatialDropout2D"}


def arrays_of(outputs: Any) -> list[np.ndarray]:
    return [np.asarray(array) for array in (outputs if isinstance(outputs, list) else [outputs])]


def in_memory(keras: ModuleType, model: Any) -> Any:
    """Make the model in Keras without a file."""
    theirs = keras.models.model_from_json(model.to_json())
    theirs.set_weights(model.get_weights())
    for layer in theirs._flatten_layers():
        # Normalization computes with copies of its weights, which only loading a file renews.
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    return theirs


def assert_equal(loaded: Any, expected: Any, inputs: Any) -> None:
    for one, other in zip(loaded.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    pairs = zip(arrays_of(loaded(inputs)), arrays_of(expected(inputs)), strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one, other)


def model_of(case: Case) -> Any:
    """Put the layer of a case between inputs and an output."""
    layer = build(case)
    inputs = [cnnfast.Input(array.shape[1:]) for array in case.inputs]
    model = cnnfast.Model(inputs, layer(inputs if len(inputs) > 1 else inputs[0]))
    model.set_weights(case.weights)
    return model


def test_cases_hold_every_layer_of_the_registry() -> None:
    seen = {case.layer["class_name"] for case in CASES}
    assert {cls.__name__ for cls in LAYERS.values()} - seen == UNSEEN


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_saved_layer_is_loaded_by_keras_with_equal_outputs(
    keras: ModuleType, tmp_path: Path, case: Case
) -> None:
    model = model_of(case)
    expected = in_memory(keras, model)
    for suffix in WHOLE[:1] if case.name in AXES_LOST else WHOLE:
        path = tmp_path / f"model{suffix}"
        model.save(path)
        assert_equal(keras.models.load_model(path), expected, case.inputs)


def test_saved_layers_without_effect_are_loaded_by_keras(keras: ModuleType, tmp_path: Path) -> None:
    layers = cnnfast.layers
    stack = [
        layers.RepeatVector(4),
        layers.SpatialDropout1D(0.2),
        layers.GaussianNoise(0.5, seed=3),
        layers.GaussianDropout(0.3),
        layers.AlphaDropout(0.2),
        layers.Reshape((2, 2, 3)),
        layers.SpatialDropout2D(0.5),
        layers.Identity(),
        layers.Flatten(),
        layers.Dense(2),
    ]
    model = randomized(cnnfast.Sequential([cnnfast.Input((3,)), *stack]))
    inputs = np.arange(6, dtype=np.float32).reshape(2, 3)
    for suffix in WHOLE:
        model.save(tmp_path / f"model{suffix}")
        loaded = keras.models.load_model(tmp_path / f"model{suffix}")
        assert_equal(loaded, in_memory(keras, model), inputs)


@pytest.mark.parametrize("suffix", WHOLE)
@pytest.mark.parametrize("name", STANDARD)
def test_saved_model_is_loaded_by_keras_with_equal_outputs(
    keras: ModuleType, tmp_path: Path, name: str, suffix: str
) -> None:
    model = randomized(MODELS[name]())
    model.save(tmp_path / f"model{suffix}")
    # What is shared between a model and one inside it is not in any configuration.
    unshared = cnnfast.load_model(tmp_path / f"model{suffix}")
    loaded = keras.models.load_model(tmp_path / f"model{suffix}")
    assert_equal(loaded, in_memory(keras, unshared), inputs_of(model))


@pytest.mark.parametrize("suffix", WEIGHTS)
@pytest.mark.parametrize("name", STANDARD)
def test_saved_weights_are_loaded_by_keras(
    keras: ModuleType, tmp_path: Path, name: str, suffix: str
) -> None:
    model = randomized(MODELS[name]())
    model.save_weights(tmp_path / f"model{suffix}")
    model.save(tmp_path / "model.keras")
    expected = in_memory(keras, cnnfast.load_model(tmp_path / "model.keras"))
    theirs = keras.models.model_from_json(model.to_json())
    theirs.load_weights(tmp_path / f"model{suffix}")
    assert_equal(theirs, expected, inputs_of(model))


def test_saved_model_that_keras_saves_again_comes_back_bit_for_bit(
    keras: ModuleType, tmp_path: Path
) -> None:
    model = randomized(convnet())
    for suffix in WHOLE:
        model.save(tmp_path / f"ours{suffix}")
        keras.models.load_model(tmp_path / f"ours{suffix}").save(tmp_path / f"theirs{suffix}")
        back = cnnfast.load_model(tmp_path / f"theirs{suffix}")
        for one, other in zip(model.get_weights(), back.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
        inputs = inputs_of(model)
        np.testing.assert_array_equal(model(inputs), back(inputs))


def test_saved_training_setup_and_optimizer_state_are_loaded_by_keras(
    keras: ModuleType, tmp_path: Path
) -> None:
    model = compiled(randomized(convnet()))
    for number, variable in enumerate(model.optimizer.variables):
        variable.assign(np.full(variable.shape, number / 8 if number else 17))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer).__name__ == "SGD"
    assert loaded.loss == "mse"
    for ours, theirs in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours.value, theirs.numpy())
    loaded.fit(inputs_of(model), np.zeros((3, 5)), verbose=0)


def test_saved_training_setup_in_hdf5_is_the_one_that_keras_writes(
    keras: ModuleType, tmp_path: Path
) -> None:
    model = compiled(randomized(convnet()))
    model.save(tmp_path / "ours.keras")
    model.save(tmp_path / "ours.h5")
    # Keras 3 cannot load its own HDF5 files with metrics="mae" unless compile=False.
    keras.models.load_model(tmp_path / "ours.keras").save(tmp_path / "theirs.h5")
    with h5py.File(tmp_path / "ours.h5") as ours, h5py.File(tmp_path / "theirs.h5") as theirs:
        mine, other = (json.loads(file.attrs["training_config"]) for file in (ours, theirs))
        assert mine.items() <= {**other, "optimizer_config": mine["optimizer_config"]}.items()
        assert other["optimizer_config"]["class_name"] == mine["optimizer_config"]["class_name"]
        one, two = (file["optimizer_weights"].attrs["weight_names"] for file in (ours, theirs))
        for name, other_name in zip(one, two, strict=True):
            assert name.decode().endswith(other_name.partition("/")[2])


def test_configuration_in_the_file_is_the_one_that_keras_writes(
    keras: ModuleType, tmp_path: Path
) -> None:
    model = randomized(MODELS["nested"]())
    model.save(tmp_path / "ours.h5")
    keras.models.load_model(tmp_path / "ours.h5").save(tmp_path / "theirs.h5")
    with h5py.File(tmp_path / "ours.h5") as ours, h5py.File(tmp_path / "theirs.h5") as theirs:
        assert set(ours.attrs) == set(theirs.attrs)
        mine, other = (json.loads(file.attrs["model_config"]) for file in (ours, theirs))
        assert mine.keys() == other.keys()
        for one, two in zip(mine["config"]["layers"], other["config"]["layers"], strict=True):
            assert one.keys() == two.keys()
        one, two = ours["model_weights"], theirs["model_weights"]
        assert list(one) == list(two)
        for name in one:
            assert len(one[name].attrs["weight_names"]) == len(two[name].attrs["weight_names"])
