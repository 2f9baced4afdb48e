"""Models from configs, and models from models."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.input_layer import InputLayer
from cnnfast.engine.structure import pack_like
from cnnfast.models.functional import Functional
from cnnfast.models.model import Model
from cnnfast.models.sequential import Sequential
from cnnfast.models.serialization import Config, deserialize_layer

CloneLayer = Callable[[Layer], Layer]


def model_from_config(config: Config, custom_objects: Config | None = None) -> Model:
    """Make a model from the dict that describes it.

    Args:
        config: {"class_name": ..., "config": {...}} of Keras 3 or before.
        custom_objects: classes of the caller by name.

    Returns:
        A new model with fresh weights.

    Raises:
        ValueError: the dict is malformed or describes no model.
    """
    if not isinstance(config, dict) or not {"class_name", "config"} <= config.keys():
        raise ValueError(
            "A model's config must be a dict with `class_name` and `config`; what "
            "`model.get_config()` returns is for `from_config` of the model's class. "
            f"Received: {config!r}"
        )
    model = deserialize_layer(config, custom_objects)
    if not isinstance(model, Model):
        raise ValueError(f"The config describes a {config['class_name']}, which is no model.")
    return model


def model_from_json(json_string: str, custom_objects: Config | None = None) -> Model:
    """Make a model from what `to_json` returned.

    Args:
        json_string: the JSON text, also one written by Keras.
        custom_objects: classes of the caller by name.

    Returns:
        A new model with fresh weights.

    Raises:
        ValueError: the text is no JSON or describes no model.
    """
    return model_from_config(json.loads(json_string), custom_objects)


def clone_model(model: Model, clone_function: CloneLayer | None = None) -> Model:
    """Make a model of the same layers with fresh weights.

    Args:
        model: Functional or Sequential.
        clone_function: makes the new layer for each layer; by default from its config.

    Returns:
        The new model.

    Raises:
        ValueError: the model is of another kind.
    """
    clone = clone_function or _clone_layer
    if isinstance(model, Sequential):
        entrance = [] if model.input_layer is None else [_copied(model.input_layer)]
        layers = [*entrance, *(clone(layer) for layer in model.layers)]
        return type(model)(layers, name=model.name, trainable=model.trainable)
    if isinstance(model, Functional):
        return _clone_functional(model, clone)
    raise ValueError(
        "`clone_model` takes Functional and Sequential models. "
        f"Received: {model!r} of class {type(model).__name__}"
    )


def _clone_functional(model: Functional, clone: CloneLayer) -> Functional:
    network = model.network
    copies = {
        layer: _copied(layer) if isinstance(layer, InputLayer) else clone(layer)
        for layer in network.layers
    }
    entrances = [copies[model.get_layer(name)].output for name in model.input_names]
    outputs = network.replay(entrances, copies)
    return type(model)(
        pack_like(model.input, entrances), pack_like(model.output, outputs), name=model.name
    )


def _clone_layer(layer: Layer) -> Layer:
    return clone_model(layer) if isinstance(layer, Model) else _copied(layer)


def _copied(layer: Layer) -> Any:
    return type(layer).from_config(layer.get_config())
