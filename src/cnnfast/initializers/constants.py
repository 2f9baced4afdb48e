"""Initializers without chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from cnnfast import arguments
from cnnfast.initializers.base import Array, DType, Initializer, Shape
from cnnfast.ops.geometry import received
from cnnfast.serialization import decode_value


class Constant(Initializer):
    """Set every value to one number, or to those of an array that broadcasts to the shape.

    Args:
        value: number or array, such as a table of pre-trained embeddings.

    Raises:
        ValueError: the value is not numeric, or, when called, does not broadcast.
    """

    fields: ClassVar[tuple[str, ...]] = ("value",)

    def __init__(self, value: ArrayLike = 0.0) -> None:
        array = np.asarray(value)
        if array.dtype.kind not in arguments.NUMERIC:
            raise received("Constant", "`value` must be a number or an array", "value", value)
        self.value = value

    def _values(self, shape: Shape, dtype: DType) -> Array:
        values = np.empty(shape, dtype)
        try:
            values[...] = self.value
        except ValueError as error:
            expectation = f"`shape` must be one that a value of shape {np.shape(self.value)} fits"
            raise received("Constant", expectation, "shape", shape) from error
        return values

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build the initializer that a file of any Keras describes, arrays included."""
        return super().from_config({key: decode_value(value) for key, value in config.items()})


class Zeros(Initializer):
    """Set every value to 0."""

    def _values(self, shape: Shape, dtype: DType) -> Array:
        return np.zeros(shape, dtype)


class Ones(Initializer):
    """Set every value to 1."""

    def _values(self, shape: Shape, dtype: DType) -> Array:
        return np.ones(shape, dtype)


class Identity(Initializer):
    """Make the identity matrix, cut or filled up with zeros where it is not square.

    Args:
        gain: factor of the matrix.

    Raises:
        ValueError: the gain is no finite number, or, when called, the shape is not of rank 2.
    """

    fields: ClassVar[tuple[str, ...]] = ("gain",)

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = arguments.number(gain, "gain", "Identity")

    def _values(self, shape: Shape, dtype: DType) -> Array:
        if len(shape) != 2:
            raise received("Identity", "`shape` must have 2 axes", "shape", shape)
        matrix: Array = (self.gain * np.eye(*shape)).astype(dtype)
        return matrix
