"""Writing the HDF5 files of Keras 1 and 2, which Keras 3 and many programs still read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from cnnfast.models import Model
from cnnfast.saving.compiled import optimizer_of
from cnnfast.saving.model_text import KERAS_VERSION, legacy_model_text, legacy_training_text
from cnnfast.saving.transfer import State
from cnnfast.saving.tree import ordered_weights, own_weights

if TYPE_CHECKING:
    import h5py

# The most that fits into the header of an HDF5 object, where attributes are kept.
_HEADER_BYTES = 64512
# Readers turn kernels around if a file comes from Theano; these are stored as TensorFlow does.
_BACKEND = "tensorflow"


def write_legacy_model(file: BinaryIO, model: Model, with_optimizer: bool = True) -> None:
    """Write a whole model.

    Args:
        file: Empty file, open for writing and reading.
        model: Any model.
        with_optimizer: Store the training setup and the optimizer's state too.

    Raises:
        TypeError: A layer has an argument that no file can hold.
    """
    import h5py

    config = legacy_model_text(model)
    training = legacy_training_text(model) if with_optimizer else None
    optimizer = optimizer_of(model) if with_optimizer else None
    with h5py.File(file, "w") as root:
        _write_origin(root)
        root.attrs["model_config"] = config
        if training is not None:
            root.attrs["training_config"] = training
        _write_layers(root.create_group("model_weights"), model)
        if optimizer is not None and optimizer.variables:
            _write_variables(root.create_group("optimizer_weights"), optimizer.variables)


def write_legacy_weights(file: BinaryIO, model: Model) -> None:
    """Write the weights of all layers, without the model.

    Args:
        file: Empty file, open for writing and reading.
        model: Any model.
    """
    import h5py

    with h5py.File(file, "w") as root:
        _write_layers(root, model)


def _write_origin(group: h5py.Group) -> None:
    group.attrs["keras_version"] = KERAS_VERSION
    group.attrs["backend"] = _BACKEND


def _write_layers(group: h5py.Group, model: Model) -> None:
    _write_origin(group)
    _write_names(group, "layer_names", [layer.name for layer in model.layers])
    for layer in model.layers:
        variables = [variable for _, variable in ordered_weights(layer)]
        _write_variables(group.create_group(layer.name), variables)
    _write_variables(group.create_group("top_level_model_weights"), own_weights(model))


def _write_variables(group: h5py.Group, variables: Sequence[State]) -> None:
    names = _unique(variable.path for variable in variables)
    _write_names(group, "weight_names", names)
    for name, variable in zip(names, variables, strict=True):
        group.create_dataset(name, data=variable.value)


def _unique(paths: Iterable[str]) -> list[str]:
    """Number paths that occur more than once, as those of equal layers in inner models do."""
    names: dict[str, None] = {}
    for path in paths:
        numbered = (f"{path}_{number}" for number in count(1))
        name = path if path not in names else next(n for n in numbered if n not in names)
        names[name] = None
    return list(names)


def _write_names(group: h5py.Group, attribute: str, names: Sequence[str]) -> None:
    """Write a list of names, in parts where it is too long for one attribute."""
    encoded: np.ndarray[Any, Any] = np.array([name.encode() for name in names], dtype="S")
    room = max(1, _HEADER_BYTES // encoded.itemsize)
    if len(encoded) <= room:
        group.attrs[attribute] = encoded
        return
    for part, start in enumerate(range(0, len(encoded), room)):
        group.attrs[f"{attribute}{part}"] = encoded[start : start + room]
