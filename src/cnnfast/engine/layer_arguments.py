"""Constructor arguments every layer takes, in the spellings of all generations of Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from cnnfast.engine.structure import Shape

# Reduced precision is a hint for hardware that has it; float32 satisfies it.
_DTYPES: Final = frozenset(
    (
        *("float32", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"),
    )
)
_SHAPE_ARGUMENTS: Final = (
    "input_shape",
    "batch_input_shape",
    "batch_shape",
    "input_dim",
    "batch_size",
)


def take_input_shape(arguments: dict[str, Any]) -> Shape | None:
    """Remove the arguments that declare a layer's input shape.

    Args:
        arguments: keyword arguments of a layer; `input_shape`, `batch_input_shape`,
            `batch_shape`, `input_dim` and `batch_size` are taken out.

    Returns:
        The shape with the batch axis, or None if none of them was given.

    Raises:
        ValueError: the shape is malformed.
    """
    given = {name: arguments.pop(name, None) for name in _SHAPE_ARGUMENTS}
    full = given["batch_input_shape"] or given["batch_shape"]
    if full is not None:
        return standardize_shape(full)
    sample = given["input_shape"]
    if sample is None and given["input_dim"] is not None:
        sample = (given["input_dim"],)
    if sample is None:
        return None
    return standardize_shape((given["batch_size"], *_as_sizes(sample)))


def standardize_shape(shape: Any) -> Shape:
    """Check a shape that a user wrote.

    Args:
        shape: list or tuple of sizes; each a non-negative integer or None.

    Returns:
        A tuple of ints and Nones.

    Raises:
        ValueError: anything else.
    """
    return tuple(_standardize_size(size, shape) for size in _as_sizes(shape))


def _as_sizes(shape: Any) -> tuple[Any, ...]:
    if isinstance(shape, str) or not hasattr(shape, "__iter__"):
        raise ValueError(
            f"A shape must be a tuple of sizes, such as (28, 28, 1). Received: {shape!r}"
        )
    return tuple(shape)


def _standardize_size(size: Any, shape: Any) -> int | None:
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, int | np.integer):
        raise ValueError(
            f"The sizes in a shape must be integers or None. Received: {shape!r}, "
            f"in which {size!r} is of type {type(size).__name__}."
        )
    if size < 0:
        raise ValueError(f"The sizes in a shape must not be negative. Received: {shape!r}")
    return int(size)


def policy_name(dtype: Any) -> str:
    """Read a layer's `dtype` argument.

    Args:
        dtype: None for "float32", a name, a NumPy type, or the dict under which Keras files hold
            a dtype policy.

    Returns:
        The name of the policy: "float32", "mixed_float16" and so on.

    Raises:
        ValueError: cnnfast has no such data type; float64 in particular.
    """
    if isinstance(dtype, Mapping):
        config = dtype.get("config", {})
        dtype = config.get("name") if isinstance(config, Mapping) else config
    name: str = dtype if isinstance(dtype, str) else _name_of(dtype)
    if name not in _DTYPES:
        raise ValueError(
            f"`dtype` must be 'float32', in which all layers compute, or a type of lower "
            f"precision. Received: dtype={dtype!r}"
        )
    return name


def _name_of(dtype: Any) -> str:
    if dtype is None:
        return "float32"
    name = getattr(dtype, "name", None)
    if isinstance(name, str):
        return name
    try:
        return str(np.dtype(dtype))
    except TypeError:
        return repr(dtype)


def policy_config(name: str) -> dict[str, Any]:
    """Write a dtype policy the way Keras 3 files hold it.

    Args:
        name: name of the policy.
    """
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": name},
        "registered_name": None,
    }
