"""Checks of what a layer is constructed with: every message names the layer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast import activations, arguments, config
from cnnfast.engine.base_layer import Layer
from cnnfast.engine.structure import Shape
from cnnfast.layers import registry
from cnnfast.ops import geometry

DATA_FORMATS = ("channels_last", "channels_first")


def title(layer: Layer) -> str:
    """Name a layer the way messages open, such as "Conv2D layer 'first'"."""
    return f"{type(layer).__name__} layer '{layer.name}'"


def refused(layer: Layer, expectation: str, name: str, value: object) -> ValueError:
    """Build the error of a refused argument of a layer (see `geometry.received`)."""
    return geometry.received(title(layer), expectation, name, value)


def integer(layer: Layer, name: str, value: Any) -> int:
    """Check a positive integer, such as a number of filters."""
    return geometry.standardize_integer(value, name, owner=title(layer))


def integers(layer: Layer, name: str, value: Any, n: int) -> tuple[int, ...]:
    """Check n positive sizes, or spread one over n axes."""
    return geometry.standardize_tuple(value, n, name, owner=title(layer))


def sizes(layer: Layer, name: str, value: Any, n: int) -> tuple[int, ...]:
    """Check n sizes that may be 0, or spread one over n axes."""
    return geometry.standardize_tuple(value, n, name, allow_zero=True, owner=title(layer))


def axes(layer: Layer, name: str, value: Any) -> tuple[int, ...]:
    """Check one axis or several, positive or negative."""
    found = value if isinstance(value, list | tuple) else (value,)
    if not all(geometry.is_integer(axis) for axis in found):
        expectation = f"`{name}` must be an integer or a list of integers"
        raise refused(layer, expectation, name, value)
    return tuple(int(axis) for axis in found)


def axis_in(layer: Layer, axis: int, shape: Shape) -> int:
    """Count an axis from the front, and refuse one that is not there or is the batch axis."""
    positive = axis + len(shape) if axis < 0 else axis
    if not 0 < positive < len(shape):
        expectation = f"`axis` must be an axis of the input {shape} other than the batch axis 0"
        raise refused(layer, expectation, "axis", axis)
    return positive


def padding(layer: Layer, value: Any, allowed: Collection[str]) -> str:
    """Check the name of a padding."""
    return geometry.standardize_padding(value, allowed, owner=title(layer))


def data_format(layer: Layer, value: Any) -> str:
    """Check the place of the channels; None means the configured default."""
    if value is None:
        return config.image_data_format()
    return arguments.choice(value, "data_format", title(layer), DATA_FORMATS)


def number(layer: Layer, name: str, value: Any, least: float | None = None) -> float:
    """Check a finite number, from a smallest one on."""
    if least is None:
        return arguments.number(value, name, title(layer))
    return arguments.number(value, name, title(layer), least=least)


def numbers(layer: Layer, name: str, value: Any) -> NDArray[np.float64]:
    """Check an array of finite numbers, or a single one."""
    try:
        found = np.array(value, np.float64)
    except (TypeError, ValueError):
        found = np.array(np.nan)
    if not np.isfinite(found).all():
        raise refused(layer, f"`{name}` must hold finite numbers", name, value)
    return found


def fraction(layer: Layer, name: str, value: Any) -> float:
    """Check a number between 0 and 1, both included."""
    found = number(layer, name, value)
    if not 0 <= found <= 1:
        raise refused(layer, f"`{name}` must be a number between 0 and 1", name, value)
    return found


def optional_integer(layer: Layer, name: str, value: Any) -> int | None:
    """Check an integer that may be None, such as a seed."""
    if value is not None and not geometry.is_integer(value):
        raise refused(layer, f"`{name}` must be an integer or None", name, value)
    return None if value is None else int(value)


def known_size(layer: Layer, shape: Shape, axis: int) -> int:
    """Read a size that the layer's weights depend on."""
    if not isinstance(shape, tuple) or not -len(shape) <= axis < len(shape):
        raise refused(layer, f"the input must be one tensor with an axis {axis}", "shape", shape)
    size = shape[axis]
    if size is None:
        expectation = f"axis {axis} of the input must have a fixed size, for the weights need it"
        raise refused(layer, expectation, "input_shape", shape)
    return size


def activation(layer: Layer, value: Any) -> Any:
    """Find what an `activation` argument means: one of our functions, or an activation layer."""
    if isinstance(value, dict) and value.get("class_name") in registry.LAYERS:
        return registry.deserialize(value)
    found = activations.get(value)
    if isinstance(found, Layer) or hasattr(found, "activation") or hasattr(found, "row"):
        return found
    expectation = "`activation` must be a name, a function of `activations` or a layer"
    raise refused(layer, expectation, "activation", value)


def serialize_activation(value: Any) -> Any:
    """Write an activation into a config: a name, or the dict of an activation layer."""
    return registry.serialize(value) if isinstance(value, Layer) else activations.serialize(value)


def without_quantization(config: dict[str, Any]) -> dict[str, Any]:
    """Drop the entry that Keras 3.15 writes into every Dense and Embedding, unless it is set."""
    entry = config.get("quantization_config")
    return {key: config[key] for key in config if key != "quantization_config" or entry}
