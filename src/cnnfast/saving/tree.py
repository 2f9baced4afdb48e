"""The tree of layers of a model, as weight files see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.naming import to_snake_case
from cnnfast.engine.variable import Variable
from cnnfast.models import Model
from cnnfast.models.graph_model import GraphModel


def leaves(layer: Layer) -> list[Layer]:
    """Return the layers of a model and of the models in it, each once; a plain layer is its own."""
    if not isinstance(layer, Model):
        return [layer]
    nested = (leaf for inner in layer.layers for leaf in leaves(inner))
    return list(dict.fromkeys(nested))


def ordered_weights(layer: Layer) -> list[tuple[Layer, Variable]]:
    """Return the variables of a layer or nested model in the order of legacy HDF5 files.

    All trainable ones of all sublayers come first, then all others; frozen layers count among the
    others.

    Returns:
        Pairs of the layer that owns a variable and the variable.
    """
    owners = leaves(layer)
    trainable = [(owner, variable) for owner in owners for variable in owner.trainable_weights]
    others = [(owner, variable) for owner in owners for variable in owner.non_trainable_weights]
    return list(dict.fromkeys(trainable + others))


def own_weights(layer: Layer) -> list[Variable]:
    """Return the variables that belong to a layer itself and not to layers inside it."""
    inner = {id(variable) for child in layer.sublayers() for variable in child.weights}
    return [variable for variable in layer.weights if id(variable) not in inner]


def stored_layers(
    model: Layer, container: str = "layers", doubled: bool = False
) -> Iterator[tuple[str, Layer]]:
    """Yield a model and all layers in it with their places in a `.weights.h5` file.

    A layer that is in the model and in a model inside it has several places.

    Args:
        model: A model.
        container: Name of the group that holds the layers of a model.
        doubled: Whether layers with weights were counted twice, as Keras 2.12 to 2.14 did.

    Yields:
        Pairs of a path, empty for the model itself, and the layer stored there.
    """
    waiting: list[tuple[str, Layer]] = [("", model)]
    while waiting:
        path, layer = waiting.pop()
        yield path, layer
        inner = list(_children(layer, container, doubled))
        waiting += [(f"{path}/{below}" if path else below, child) for below, child in inner[::-1]]


def _children(layer: Layer, container: str, doubled: bool) -> Iterator[tuple[str, Layer]]:
    if isinstance(layer, GraphModel):
        yield from _listed(layer.layers, container, doubled)
        return
    attributes: dict[str, Any] = dict(vars(layer))
    if isinstance(layer, Model):
        attributes[container] = layer.layers
    for attribute in sorted(attributes, key=_private_last):
        value = attributes[attribute]
        if isinstance(value, Layer):
            yield attribute, value
        elif isinstance(value, list | tuple | dict):
            items = value.values() if isinstance(value, dict) else value
            layers = [item for item in items if isinstance(item, Layer)]
            yield from _listed(layers, attribute, doubled and attribute == container)


def _private_last(attribute: str) -> str:
    return f"~{attribute}" if attribute.startswith("_") else attribute


def _listed(layers: Iterable[Layer], prefix: str, doubled: bool) -> Iterator[tuple[str, Layer]]:
    counts: dict[str, int] = {}
    for layer in layers:
        name = to_snake_case(type(layer).__name__)
        count = counts.get(name, 0)
        counts[name] = count + (2 if doubled and layer.weights else 1)
        yield f"{prefix}/{name}_{count}" if count else f"{prefix}/{name}", layer
