"""Checks of what a layer is constructed with: every message names the layer."""

from __future__ import annotations

import math
from collections.abc import Collection
from numbers import Real
from typing import Any

from cnnfast import activations, config
from cnnfast.engine.base_layer import Layer
from cnnfast.layers import registry
from cnnfast.ops import geometry

DATA_FORMATS = ("channels_last", "channels_first")


def title(layer: Layer) -> str:
    """Name a layer the way messages open, such as "Conv2D layer 'first'"."""
    return f"{type(layer).__name__} layer {layer.name!r}"


def refused(layer: Layer, expectation: str, name: str, value: object) -> ValueError:
    """Build the error of a refused argument of a layer (see `geometry.invalid_argument`)."""
    return geometry.invalid_argument(title(layer), expectation, name, value)


def integer(layer: Layer, name: str, value: Any) -> int:
    """Check a positive integer, such as a number of filters."""
    return geometry.standardize_integer(value, name, owner=title(layer))


def integers(
    layer: Layer, name: str, value: Any, n: int, allow_zero: bool = False
) -> tuple[int, ...]:
    """Check n sizes, or spread one over n axes."""
    return geometry.standardize_tuple(value, n, name, allow_zero, owner=title(layer))


def padding(layer: Layer, value: Any, allowed: Collection[str]) -> str:
    """Check the name of a padding."""
    return geometry.standardize_padding(value, allowed, owner=title(layer))


def data_format(layer: Layer, value: Any) -> str:
    """Check the place of the channels; None means the configured default."""
    if value is None:
        return config.image_data_format()
    if not isinstance(value, str) or value.lower() not in DATA_FORMATS:
        expectation = '`data_format` must be "channels_last" or "channels_first"'
        raise refused(layer, expectation, "data_format", value)
    return value.lower()


def number(
    layer: Layer, name: str, value: Any, least: float = -math.inf, most: float = math.inf
) -> float:
    """Check a finite number between two bounds, both included."""
    if (
        not isinstance(value, Real)
        or isinstance(value, bool)
        or not math.isfinite(value)
        or not least <= value <= most
    ):
        bounds = "" if math.isinf(least) else f" of at least {least:g}"
        if not math.isinf(most):
            bounds = f" between {least:g} and {most:g}"
        raise refused(layer, f"`{name}` must be a number{bounds}", name, value)
    return value if isinstance(value, int) else float(value)


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
