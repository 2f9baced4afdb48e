"""Layers to and from dicts, and the allow-list in between."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from cnnfast import layers
from cnnfast.layers import registry

ALIASES = {
    "AvgPool1D": "AveragePooling1D",
    "AvgPool2D": "AveragePooling2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "GlobalAvgPool1D": "GlobalAveragePooling1D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalMaxPool1D": "GlobalMaxPooling1D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
}


class Doubled(layers.Dense):
    """A class of the user's."""


def described(class_name: Any, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_alias_is_the_class_itself(alias: str, name: str) -> None:
    assert getattr(layers, alias) is getattr(layers, name) is registry.LAYERS[alias]


def test_every_exported_class_can_be_named_by_a_file() -> None:
    exported = {
        name
        for name in layers.__all__
        if isinstance(getattr(layers, name), type)
        and issubclass(getattr(layers, name), layers.Layer)
    }
    assert exported - {"Layer"} <= set(registry.LAYERS)


@pytest.mark.parametrize(
    "module", ["keras.layers", "keras.src.layers.core.dense", "os", None, "no.such.module"]
)
def test_deserialize_ignores_the_module(module: str | None) -> None:
    before = set(sys.modules)
    layer = layers.deserialize({**described("Dense", units=3), "module": module})
    assert type(layer) is layers.Dense
    assert set(sys.modules) == before


def test_deserialize_with_a_build_config_builds() -> None:
    config = {**described("Dense", units=3), "build_config": {"input_shape": [None, 4]}}
    assert [weight.shape for weight in layers.deserialize(config).weights] == [(4, 3), (3,)]


@pytest.mark.parametrize("name", ["Lambda", "TFSMLayer", "LSTM", "Layer", "deserialize", "", 3])
def test_deserialize_of_an_unknown_class_names_it(name: object) -> None:
    with pytest.raises(layers.UnsupportedLayerError) as caught:
        layers.deserialize(described(name))
    assert caught.value.class_names == (str(name),)
    assert repr(str(name)) in str(caught.value)


def test_deserialize_refuses_a_built_in_class_under_a_foreign_registered_name() -> None:
    config = {**described("Dense", units=3), "registered_name": "Other>Dense"}
    with pytest.raises(layers.UnsupportedLayerError, match="Other>Dense"):
        layers.deserialize(config)


@pytest.mark.parametrize("config", [None, [], "Dense", {}, {"class_name": "Dense"}], ids=repr)
def test_deserialize_refuses_what_is_no_layers_dict(config: object) -> None:
    with pytest.raises(ValueError, match="`class_name` and `config`"):
        layers.deserialize(config)


def test_deserialize_uses_the_callers_classes_first() -> None:
    layer = layers.deserialize(described("Dense", units=3), {"Dense": Doubled})
    assert type(layer) is Doubled
    assert type(layers.deserialize(described("Dense", units=3))) is layers.Dense


def test_serialize_describes_a_class_of_the_user_as_foreign() -> None:
    config = layers.serialize(Doubled(3))
    assert (config["module"], config["registered_name"]) == (Doubled.__module__, "Doubled")
    with pytest.raises(layers.UnsupportedLayerError):
        layers.deserialize(config)
    assert type(layers.deserialize(config, {"Doubled": Doubled})) is Doubled


@pytest.mark.parametrize(
    "activation",
    [layers.ReLU(6.0), layers.LeakyReLU(0.125), layers.PReLU(), layers.Softmax()],
    ids=lambda layer: type(layer).__name__,
)
def test_layer_with_a_layer_as_activation_comes_back(activation: layers.Layer) -> None:
    layer = layers.Dense(3, activation=activation)
    layer.build((None, 4))
    config = layers.serialize(layer)
    twin = layers.deserialize(config)
    assert type(twin.activation) is type(activation)
    assert [weight.shape for weight in twin.weights] == [weight.shape for weight in layer.weights]


def test_quantization_entry_of_the_newest_keras_is_ignored_while_empty() -> None:
    assert layers.Dense.from_config({"units": 3, "quantization_config": None}).units == 3
    with pytest.raises(TypeError, match="quantization_config"):
        layers.Dense.from_config({"units": 3, "quantization_config": {"mode": "int8"}})
