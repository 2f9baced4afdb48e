"""The configuration of a model as the text that files hold."""

from __future__ import annotations

import json
import warnings
from typing import Any

from cnnfast.models.model import Model, inner_layers
from cnnfast.models.serialization import serialize_layer
from cnnfast.saving.compiled import compile_config
from cnnfast.saving.config import Config
from cnnfast.serialization import encode_value

# Files have the form that came with this version, the last to change it: its readers, 3.9's and
# 3.15's load them. A newer number would promise settings that are not written.
KERAS_VERSION = "3.6.0"

# What the readers of Keras 3 do not know, since no Keras 3 computes it.
_KERAS_2_ONLY = ("hard_sigmoid_legacy",)

_NOT_IN_OLD_FILES = ("module", "registered_name", "build_config", "compile_config")


def model_text(model: Model, with_optimizer: bool) -> str:
    """Describe a model the way a `.keras` file does.

    Args:
        model: Any model.
        with_optimizer: Describe how it was compiled too, if it was.

    Raises:
        TypeError: A layer has an argument that no file can hold.
    """
    entry = _described(model)
    compiled = compile_config(model) if with_optimizer else None
    return _json({**entry, "compile_config": compiled} if compiled else entry)


def legacy_model_text(model: Model) -> str:
    """Describe a model the way an HDF5 file of Keras does.

    Raises:
        TypeError: A layer has an argument that no file can hold.
    """
    return _json(_legacy(_described(model)))


def legacy_training_text(model: Model) -> str | None:
    """Describe how a model was compiled the way an HDF5 file does, None if it was not."""
    compiled = compile_config(model)
    if compiled is None:
        return None
    settings = {key: _plain(value) for key, value in compiled.items() if key != "optimizer"}
    return _json({**settings, "optimizer_config": _named(compiled["optimizer"])})


def _plain(value: Any) -> Any:
    """Write losses and metrics the way old files do: functions are names."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {key: _plain(one) for key, one in value.items()}
    return value["config"] if value["class_name"] == "function" else _named(value)


def _legacy(entry: Config) -> Config:
    config = entry["config"]
    if isinstance(config, dict) and "layers" in config:
        config = {**config, "layers": [_legacy(layer) for layer in config["layers"]]}
    rest = {key: value for key, value in entry.items() if key not in _NOT_IN_OLD_FILES}
    return {**rest, **_named(entry), "config": config}


def _named(entry: Config) -> Config:
    """Give the class the name it was registered under, which old files have no other place for."""
    return {
        "class_name": entry.get("registered_name") or entry["class_name"],
        "config": entry["config"],
    }


def _described(model: Model) -> Config:
    """Describe a model and make sure that JSON can hold it; name the layer where it cannot."""
    try:
        entry = serialize_layer(model)
        _warn_of_settings_unknown_to_keras(_json(entry))
    except (TypeError, ValueError) as error:
        for layer in inner_layers(model):
            _check(layer)
        raise TypeError(f"Model '{model.name}' cannot be saved: {error}") from error
    return entry


def _warn_of_settings_unknown_to_keras(text: str) -> None:
    for name in _KERAS_2_ONLY:
        if f'"{name}"' in text:
            warnings.warn(
                f"The model uses '{name}', which Keras 3 does not have: cnnfast will load the "
                "file, Keras will not.",
                stacklevel=6,
            )


def _check(layer: Any) -> None:
    if isinstance(layer, Model):
        return
    try:
        _json(serialize_layer(layer))
    except (TypeError, ValueError) as error:
        raise TypeError(f"Layer '{layer.name}' cannot be saved: {error}") from error


def _json(value: Any) -> str:
    return json.dumps(value, default=_encoded)


def _encoded(value: Any) -> Any:
    encoded = encode_value(value)
    if encoded is value:
        raise TypeError(f"{value!r} (of type {type(value).__name__}) is nothing that JSON holds")
    return encoded
