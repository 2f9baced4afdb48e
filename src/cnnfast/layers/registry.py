"""The allow-list of layer classes, and layers to and from the dicts that files hold.

A file names classes, and only names found here or handed over by the caller mean anything: no
module is imported and no attribute looked up because a file says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cnnfast.engine.base_layer import Layer
from cnnfast.ops.geometry import received
from cnnfast.serialization import custom_object_scope, find_custom_object
from cnnfast.serialization import registered_name as name_in_files

EXPECTATION = "A layer is described by a dict with `class_name` and `config`"

LAYERS: dict[str, type[Layer]] = {}


class UnsupportedLayerError(ValueError):
    """A file names layers that are neither built in nor among the caller's `custom_objects`.

    Attributes:
        class_names: the names, in the order the file has them.
    """

    def __init__(self, class_names: Iterable[str]) -> None:
        self.class_names = tuple(class_names)
        listed = ", ".join(repr(name) for name in self.class_names)
        super().__init__(
            "The model uses layers that are not supported. Expected built-in layers, or classes "
            f"passed in `custom_objects`. Received: {listed}."
        )


def register(*names: str, cls: type[Layer]) -> None:
    """Add a class to the allow-list.

    Args:
        names: what files call it.
        cls: the class.
    """
    LAYERS.update(dict.fromkeys(names, cls))


def find(config: Mapping[str, Any]) -> type[Layer]:
    """Find the class that a layer's dict names.

    Args:
        config: holds `class_name`, and `registered_name` where Keras 3 wrote a custom class.

    Returns:
        A class of the caller or one that the program registered, else the built-in one.

    Raises:
        UnsupportedLayerError: nobody knows the name.
    """
    class_name, registered_name = config.get("class_name"), config.get("registered_name")
    custom: type[Layer] | None = find_custom_object(registered_name, class_name)
    if custom is not None:
        return custom
    is_custom = registered_name not in (None, class_name)
    if is_custom or not isinstance(class_name, str) or class_name not in LAYERS:
        raise UnsupportedLayerError([str(registered_name if is_custom else class_name)])
    return LAYERS[class_name]


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Layer:
    """Make the layer that a dict describes, and build it if the dict holds its input shape.

    Args:
        config: {"class_name": ..., "config": {...}} with or without Keras 3's further entries.
        custom_objects: classes of the caller by name; they go first.

    Returns:
        The layer.

    Raises:
        UnsupportedLayerError: the class is unknown.
        ValueError: the dict is not a layer's, or an argument in it is refused.
        TypeError: the class takes no such argument.
    """
    if not isinstance(config, Mapping) or not isinstance(config.get("config"), Mapping):
        raise received(None, EXPECTATION, "config", config)
    with custom_object_scope(custom_objects or {}):
        layer = find(config).from_config(dict(config["config"]))
    build_config = config.get("build_config")
    if build_config:
        layer.build_from_config(build_config)
    return layer


def serialize(layer: Layer) -> dict[str, Any]:
    """Describe a layer by the dict that Keras 3 writes.

    Args:
        layer: any layer.

    Returns:
        `module`, `class_name`, `config`, `registered_name` and, once the layer is built,
        `build_config`.
    """
    cls = type(layer)
    is_built_in = LAYERS.get(cls.__name__) is cls
    described = {
        "module": "keras.layers" if is_built_in else cls.__module__,
        "class_name": cls.__name__,
        "config": layer.get_config(),
        "registered_name": None if is_built_in else name_in_files(cls) or cls.__name__,
    }
    build_config = layer.get_build_config()
    return {**described, "build_config": build_config} if build_config else described
