"""Layers and whole models, to and from the dicts that files hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnfast.engine.base_layer import Layer
from cnnfast.layers import registry

Config = Mapping[str, Any]

# The model classes by the names files use for them; their modules add them.
MODELS: dict[str, Any] = {}


def counts_from_one(layer: Layer | None) -> bool:
    """Tell whether Keras 3 numbers a layer's calls from one where it lists a model's outputs.

    A Functional model begins with a call on its own inputs. Keras counts that one in
    "output_layers", and nowhere else.

    Args:
        layer: possibly a model inside a model; None for a tensor that no layer made.
    """
    return isinstance(layer, MODELS["Functional"])


MODULES: dict[type[Layer], str] = {}


def register_model(*names: str, module: str, cls: Any) -> None:
    """Add a model class to those that files may name.

    Args:
        names: what files call it, the current name first.
        module: where Keras 3 keeps its own class of that name.
        cls: the class.
    """
    MODELS.update(dict.fromkeys(names, cls))
    MODULES[cls] = module


def serialize_layer(layer: Layer) -> dict[str, Any]:
    """Describe a layer or a model by the dict that Keras 3 writes.

    Args:
        layer: any layer; models are described with all their layers.

    Returns:
        `module`, `class_name`, `config`, `registered_name` and, if it is built, `build_config`.
    """
    cls = type(layer)
    if cls not in MODELS.values():
        return registry.serialize(layer)
    config = {
        "module": MODULES[cls],
        "class_name": cls.__name__,
        "config": layer.get_config(),
        "registered_name": None if MODULES[cls] == "keras" else cls.__name__,
    }
    build_config = layer.get_build_config()
    return {**config, "build_config": build_config} if build_config else config


def deserialize_layer(config: Config, custom_objects: Config | None = None) -> Layer:
    """Make the layer or model that a dict describes.

    Args:
        config: {"class_name": ..., "config": {...}} of Keras 3 or before.
        custom_objects: classes of the caller by name.

    Raises:
        ValueError: the dict is malformed or names an unknown class.
    """
    name = config.get("class_name") if isinstance(config, Mapping) else None
    if not isinstance(name, str):
        raise ValueError(f"A layer's config must name its `class_name`. Received: {config!r}")
    is_custom = custom_objects is not None and name in custom_objects
    if is_custom or name not in MODELS:
        return registry.deserialize(config, custom_objects)
    model: Layer = MODELS[name].from_config(config["config"], custom_objects=custom_objects)
    return model


def custom_classes(layers: list[Layer]) -> dict[str, type[Layer]]:
    """Give the classes that are not built in, by name.

    Args:
        layers: instances of any classes.
    """
    classes = {type(layer).__name__: type(layer) for layer in layers}
    built_in = {*MODELS.values(), *registry.LAYERS.values()}
    return {name: cls for name, cls in classes.items() if cls not in built_in}


def rebuild_model(
    config: Config, weights: list[Any], classes: Config, compiled: Config | None = None
) -> Layer:
    """Make a model again that was pickled or copied.

    Args:
        config: from `serialize_layer`.
        weights: from `get_weights`.
        classes: the classes of its layers that are not built in.
        compiled: what it was compiled with, the optimizer's state included; None if it was not.
    """
    model: Any = deserialize_layer(config, classes)
    model.build_from_config(config.get("build_config"))
    model.set_weights(weights)
    if compiled is not None:
        model.compile(**compiled)
    rebuilt: Layer = model
    return rebuilt
