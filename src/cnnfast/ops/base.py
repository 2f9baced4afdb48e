"""What an operation is: shapes in, shape out, and a kernel prepared for them."""

from __future__ import annotations

import copy
from dataclasses import fields
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnfast._kernels.step import Kernel

Shape: TypeAlias = tuple[int, ...]
Floats: TypeAlias = NDArray[np.float32]
# What an output belongs to: each image; all images, whose contributions are added up; or, computed
# once from such sums, the batch.
Scope: TypeAlias = Literal["image", "sum", "batch"]


class Op:
    """One operation of a graph, with its constants; shapes leave out the batch axis.

    An operation is immutable. It is prepared for given input shapes, which packs its constants,
    and the kernel that results runs any number of images.
    """

    # Whether integer inputs are read as they are; other operations get them as float32.
    takes_integers: ClassVar[bool] = False
    scope: ClassVar[Scope] = "image"
    # Whether training had rather compute the output again than keep it for a later phase.
    is_repeatable: ClassVar[bool] = False

    def output_shape(self, *shapes: Shape) -> Shape:
        """Give the shape of the output.

        Args:
            *shapes: shape of each input.

        Raises:
            ValueError: the operation is not defined for these shapes.
        """
        raise NotImplementedError

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Pack the constants and settle the loops for given input shapes.

        Args:
            *shapes: shape of each input, as `output_shape` accepts them.
            integers: whether the input holds int32; only where `takes_integers`.
        """
        raise NotImplementedError


def without_constants(op: Op) -> Op:
    """Give an operation whose constants have their shapes but no memory, and are zero."""
    emptied = copy.copy(op)
    for field in fields(op):  # type: ignore[arg-type]
        value = getattr(op, field.name)
        if isinstance(value, np.ndarray):
            set_fields(emptied, **{field.name: np.broadcast_to(value.dtype.type(0), value.shape)})
        elif isinstance(value, Op):
            set_fields(emptied, **{field.name: without_constants(value)})
        elif isinstance(value, tuple) and all(isinstance(part, Op) for part in value):
            set_fields(emptied, **{field.name: tuple(map(without_constants, value))})
    return emptied


def floats(value: ArrayLike, name: str) -> Floats:
    """Return a contiguous float32 array, the same one if it is that already.

    Args:
        value: real numbers.
        name: what to call it in an error.

    Raises:
        TypeError: the value holds no real numbers.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"`{name}` must hold real numbers. Received dtype {array.dtype}.")
    # Not ascontiguousarray, which gives a single number an axis.
    return np.asarray(array, dtype=np.float32, order="C")


def constant(value: ArrayLike, rank: int, name: str) -> Floats:
    """Return a constant of an operation as contiguous float32, its rank checked.

    Args:
        value: real numbers.
        rank: number of axes it must have.
        name: what to call it in an error.

    Raises:
        ValueError: the rank differs, or an axis is empty.
    """
    array = floats(value, name)
    if array.ndim != rank or 0 in array.shape:
        raise ValueError(
            f"`{name}` must have {rank} non-empty axes. Received shape {np.shape(value)}."
        )
    return array


def set_fields(op: Any, **fields: Any) -> None:
    """Set normalised fields of a frozen dataclass, from its `__post_init__`."""
    for name, value in fields.items():
        object.__setattr__(op, name, value)
