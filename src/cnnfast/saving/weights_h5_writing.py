"""Writing the weights of Keras 3: `.weights.h5` files, alone or inside a `.keras` archive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from cnnfast.engine.base_layer import Layer
from cnnfast.saving.compiled import optimizer_of
from cnnfast.saving.transfer import State
from cnnfast.saving.tree import own_weights, stored_layers

if TYPE_CHECKING:
    import h5py


def write_weights(file: BinaryIO, model: Layer, with_optimizer: bool = True) -> None:
    """Write the variables of all layers, and those of the optimizer.

    Equal variables give equal bytes: the file holds no times.

    Args:
        file: Empty file, open for writing and reading.
        model: Any model.
        with_optimizer: Store the state of the optimizer too, if the model has one.
    """
    import h5py

    optimizer = optimizer_of(model) if with_optimizer else None
    groups: dict[int, h5py.Group] = {}
    with h5py.File(file, "w") as root:
        for path, layer in stored_layers(model):
            # Keras makes two layers of one that has two places in the file, and needs both.
            if id(layer) in groups:
                root[_folder(path)] = groups[id(layer)]
            else:
                groups[id(layer)] = _write(root, path, layer.name, own_weights(layer))
        if optimizer is not None:
            _write(root, "optimizer", optimizer.name, optimizer.variables)


def _folder(path: str) -> str:
    return f"{path}/vars" if path else "vars"


def _write(root: h5py.Group, path: str, name: str, variables: Sequence[State]) -> h5py.Group:
    group = root.create_group(_folder(path))
    group.attrs["name"] = name
    for index, variable in enumerate(variables):
        group.create_dataset(str(index), data=variable.value)
    return group
