"""What users pass to a model, sorted out against the inputs the model has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.engine.structure import Shape
from cnnfast.engine.tensor import KerasTensor


def split_by_input(name: str, structure: Any, tensors: list[KerasTensor], data: Any) -> list[Any]:
    """Find the data of each input of a model.

    Args:
        name: the model's name.
        structure: the inputs as the model was made with them: a tensor, a list or a dict.
        tensors: the same inputs, flat.
        data: arrays; in a dict by the keys of `structure` or by the names of the inputs.

    Returns:
        One leaf of `data` for each of `tensors`.

    Raises:
        ValueError: data is missing for an input, or there is more than there are inputs.
    """
    if isinstance(data, Mapping):
        keys = sorted(structure) if isinstance(structure, Mapping) else [t.name for t in tensors]
        return _by_key(name, keys, data)
    if len(tensors) == 1:
        return [data[0] if _is_list_of_one_array(data) else data]
    if not isinstance(data, list | tuple) or len(data) != len(tensors):
        received = len(data) if isinstance(data, list | tuple) else 1
        names = [tensor.name for tensor in tensors]
        raise ValueError(
            f"Model '{name}' expects {len(tensors)} inputs, {names}, in a list in that order or "
            f"in a dict by name. Received: {received} of them, as {type(data).__name__}."
        )
    return list(data)


def _by_key(name: str, keys: list[str], data: Mapping[str, Any]) -> list[Any]:
    for key in keys:
        if key not in data:
            raise ValueError(
                f"Missing data for input '{key}' of model '{name}'. "
                f"Expected the keys {keys}. Received: {list(data)}"
            )
    return [data[key] for key in keys]


def _is_list_of_one_array(data: Any) -> bool:
    return isinstance(data, list | tuple) and len(data) == 1 and hasattr(data[0], "shape")


def fit_rank(array: NDArray[Any], expected: Shape) -> NDArray[Any]:
    """Add a last axis of size one, or take it away, where the model has it the other way.

    Args:
        array: the data, batch axis first.
        expected: shape of the input, batch axis first.

    Returns:
        A view of `array`; `array` itself if adding or removing such an axis would not help.
    """
    if array.ndim == len(expected) + 1 and array.shape[-1] == 1:
        return array.reshape(array.shape[:-1]) if array.flags.c_contiguous else array[..., 0]
    if array.ndim == len(expected) - 1 and expected[-1] == 1:
        return array[..., np.newaxis]
    return array


def check_shape(name: str, position: int, shape: Shape, expected: Shape) -> None:
    """Compare the shape of data with that of a model's input, except for the batch axis.

    Args:
        name: the model's name.
        position: which input it is.
        shape: of the data.
        expected: of the input.

    Raises:
        ValueError: they differ.
    """
    fits = len(shape) == len(expected) and all(
        size == wanted or wanted is None or size is None
        for size, wanted in zip(shape[1:], expected[1:], strict=True)
    )
    if not fits:
        raise ValueError(
            f"Input {position} of model '{name}' is incompatible with the model: "
            f"expected shape={_of_any_batch(expected)}, found shape={_of_any_batch(shape)}"
        )


def _of_any_batch(shape: Shape) -> Shape:
    return (None, *shape[1:]) if shape else shape
