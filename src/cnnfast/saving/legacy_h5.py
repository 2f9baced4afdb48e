"""The HDF5 files of Keras 1 and 2, which Keras 3 still writes: whole models, or weights alone.

Layers are found by order, or by name, and the arrays of each by the list in its `weight_names`.
"""

from __future__ import annotations

import warnings

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.variable import Variable
from cnnfast.models import Model
from cnnfast.saving.compiled import optimizer_of
from cnnfast.saving.hdf5 import Dataset, Group, total_size
from cnnfast.saving.legacy_state import pair_named, pair_ordered
from cnnfast.saving.transfer import AS_STORED, LayerTransfer, Layout, pair, pair_state
from cnnfast.saving.tree import ordered_weights
from cnnfast.saving.upgrade import generation

_CONVOLUTIONS = frozenset({"Conv1D", "Conv2D"})
_LAYER_NAMES, _WEIGHT_NAMES = "layer_names", "weight_names"

# Keras 1 kept the kernels of sequences, and those of images with the channels first, this way.
_FILTERS_FIRST = (2, 3, 1, 0)


def weights_group(root: Group) -> Group | None:
    """Return the group that lists the layers, None if the file is of another kind."""
    if "model_weights" in root:
        return root.group("model_weights")
    return root if root.texts(_LAYER_NAMES) is not None else None


def elements(group: Group) -> int:
    """Return how many numbers the listed layers store."""
    return total_size(dataset for name in _names(group) for dataset in _datasets(group.group(name)))


def transfers(model: Model, group: Group, by_name: bool) -> list[LayerTransfer]:
    """Match the layers of a model with those of the file.

    Args:
        model: A built model.
        group: What `weights_group` found.
        by_name: Match layers by name and leave the others as they are; by order otherwise.

    Returns:
        One entry for each layer to fill.
    """
    layers = [layer for layer in model.layers if layer.weights]
    stored = {name: _datasets(group.group(name)) for name in _names(group)}
    if by_name:
        pairs = [(layer, stored[layer.name]) for layer in layers if layer.name in stored]
    else:
        filled = [datasets for datasets in stored.values() if datasets]
        if len(filled) != len(layers):
            return [LayerTransfer(model.name, problem=_counts(model, len(layers), len(filled)))]
        pairs = list(zip(layers, filled, strict=True))
    major = generation(group.text("keras_version"), default=1)
    backend = group.text("backend")
    return [_layer_transfer(layer, datasets, major, backend) for layer, datasets in pairs]


def optimizer_transfers(model: Model, root: Group) -> list[LayerTransfer]:
    """Match the state of a model's optimizer with that in the file.

    Args:
        model: A model that is compiled like the file's, or not at all.
        root: Root group of the file.

    Returns:
        One entry, or none if one of both has no optimizer. A warning tells if the state has
        a form that could mean several things: training then begins with a new one.
    """
    optimizer = optimizer_of(model)
    if optimizer is None or "optimizer_weights" not in root:
        return []
    group = root.group("optimizer_weights")
    names, datasets = group.texts(_WEIGHT_NAMES) or [], _datasets(group)
    # By name first: where all weights have one shape, other orders would fit as well.
    transfer = (
        pair_named(optimizer, names, datasets)
        or pair_state(optimizer.name, optimizer.variables, datasets)
        or pair_ordered(optimizer, datasets, root.text("keras_version"))
    )
    if transfer is not None:
        return [transfer]
    warnings.warn(
        f"The state of optimizer '{optimizer.name}' in the file has another form: the model "
        "starts with a freshly initialized optimizer.",
        stacklevel=4,
    )
    return []


def _names(group: Group) -> list[str]:
    names = group.texts(_LAYER_NAMES)
    if names is None:
        raise ValueError(f"the group '{group.path or '/'}' has no list of layers")
    if len(set(names)) != len(names):
        raise ValueError("the list of layers names one twice")
    return names


def _datasets(group: Group) -> list[Dataset]:
    return [group.dataset(name) for name in group.texts(_WEIGHT_NAMES) or []]


def _counts(model: Layer, expected: int, received: int) -> str:
    return f"the model '{model.name}' has {expected} layers with weights, the file has {received}"


def _layer_transfer(
    layer: Layer, datasets: list[Dataset], major: int, backend: str | None
) -> LayerTransfer:
    expected = ordered_weights(layer)
    layouts = [
        _layout(owner, variable, dataset.shape, major, backend)
        for (owner, variable), dataset in zip(expected, datasets, strict=False)
    ]
    return pair(layer.name, [variable for _, variable in expected], datasets, layouts)


def _layout(
    owner: Layer, variable: Variable, stored: tuple[int, ...], major: int, backend: str | None
) -> Layout:
    """Find how a kernel was stored: Keras 1 ordered it otherwise, Theano reads it backwards."""
    kind = next((c.__name__ for c in type(owner).__mro__ if c.__name__ in _CONVOLUTIONS), None)
    if kind is None or variable is not owner.weights[0]:
        return AS_STORED
    spatial = tuple(range(len(variable.shape) - 2))
    flipped = spatial if backend == "theano" else ()
    if major > 1:
        return Layout(flipped=flipped)
    if kind == "Conv1D":
        current = stored[:2] == (variable.shape[0], 1) and stored[3:] == variable.shape[2:]
        return Layout(None if current else _FILTERS_FIRST, 1, flipped)
    channels_first = getattr(owner, "data_format", None) == "channels_first"
    return Layout(_FILTERS_FIRST if channels_first else None, flipped=flipped)
