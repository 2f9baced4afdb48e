"""The tree of layers of a model, as weight files see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.naming import to_snake_case
from cnnfast.engine.variable import Variable
from cnnfast.models import Model, Sequential


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


def children(layer: Layer, container: str, doubled: bool) -> Iterator[tuple[str, Layer]]:
    """Yield the layers inside a layer with their places in a `.weights.h5` file.

    Args:
        layer: A model, or a layer that holds other layers in its attributes.
        container: Name of the group that holds the layers of a model.
        doubled: Whether layers with weights were counted twice, as Keras 2.12 to 2.14 did.

    Yields:
        Pairs of a path below the group of `layer` and the layer stored there.
    """
    if isinstance(layer, Model):
        yield from _listed(layer.layers, container, doubled)
        return
    for attribute, value in sorted(vars(layer).items()):
        if isinstance(value, Layer):
            yield attribute, value
        elif isinstance(value, list | tuple):
            layers = [item for item in value if isinstance(item, Layer)]
            yield from _listed(layers, attribute, doubled=False)


def _listed(layers: Iterable[Layer], prefix: str, doubled: bool) -> Iterator[tuple[str, Layer]]:
    counts: dict[str, int] = {}
    for layer in layers:
        name = to_snake_case(stored_class(layer))
        count = counts.get(name, 0)
        counts[name] = count + (2 if doubled and layer.weights else 1)
        yield f"{prefix}/{name}_{count}" if count else f"{prefix}/{name}", layer


def stored_class(layer: Layer) -> str:
    """Return the class name under which files count a layer."""
    if isinstance(layer, Model) and not isinstance(layer, Sequential):
        return "Functional"
    return type(layer).__name__
