"""Operations on each element, each row, or on several arrays of one shape."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Floats, Op, Shape, floats, set_fields
from cnnfast.threads import thread_count

# A kernel's name and its up to three parameters; see `activations.py` for their meaning.
Activation: TypeAlias = tuple[str, float, float, float]

LINEAR: Final[Activation] = ("linear", 0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Activate(Op):
    """Apply an activation to each element: y = f(x)."""

    activation: Activation

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        return _kernels.elementwise.Activate(math.prod(shapes[0]), self.activation)


@dataclass(frozen=True, eq=False)
class Cast(Op):
    """Turn int32 into float32."""

    takes_integers = True

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        return _kernels.elementwise.Cast(math.prod(shapes[0]))


@dataclass(frozen=True, eq=False)
class RowActivate(Op):
    """Apply softmax, log_softmax, sparsemax or glu along the last axis."""

    name: str

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape; glu halves the last axis."""
        *rest, columns = shapes[0]
        if self.name != "glu":
            return shapes[0]
        if columns % 2:
            raise ValueError(f"glu needs an even last axis. Received shape {shapes[0]}.")
        return (*rest, columns // 2)

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        *rest, columns = shapes[0]
        return _kernels.elementwise.RowActivate(self.name, math.prod(rest), columns)


@dataclass(frozen=True, eq=False)
class Prelu(Op):
    """Scale what is below zero: y = x if x > 0 else slopes * x.

    Args:
        slopes: float32; its shape equals the last axes of the input, or is 1 where they share.
    """

    slopes: Floats

    def __post_init__(self) -> None:
        set_fields(self, slopes=floats(self.slopes, "slopes"))

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape."""
        own, last = self.slopes.shape, self._last_axes(shapes[0])
        if len(own) != len(last) or any(
            size not in (1, whole) for size, whole in zip(own, last, strict=True)
        ):
            raise ValueError(
                f"`slopes` of shape {own} must equal the last axes of the input, or be 1 there. "
                f"Received shape {shapes[0]}."
            )
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        size, slopes = math.prod(shapes[0]), self.slopes.reshape(-1)
        if self.slopes.shape == self._last_axes(shapes[0]):
            return _kernels.elementwise.Prelu(size, slopes)
        return _kernels.elementwise.Prelu(size, slopes, self.places(shapes[0]))

    def places(self, shape: Shape) -> NDArray[np.int32]:
        """Number the slope at each place of the last axes.

        Args:
            shape: of the input.
        """
        numbers = np.arange(self.slopes.size, dtype=np.int32).reshape(self.slopes.shape)
        return np.ascontiguousarray(np.broadcast_to(numbers, self._last_axes(shape)).ravel())

    def _last_axes(self, shape: Shape) -> Shape:
        return shape[len(shape) - self.slopes.ndim :] if self.slopes.ndim <= len(shape) else ()


@dataclass(frozen=True, eq=False)
class Combine(Op):
    """Combine arrays of one shape element by element: y = f(f(x0, x1), x2) ...

    Args:
        name: of f: "add", "subtract", "multiply", "maximum" or "minimum".
    """

    name: str

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape."""
        if len(set(shapes)) != 1:
            raise ValueError(f"Arrays to {self.name} must have one shape. Received {shapes}.")
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for two or more inputs."""
        return _kernels.elementwise.Combine(self.name, math.prod(shapes[0]), len(shapes))


@dataclass(frozen=True, eq=False)
class Add(Combine):
    """Add arrays of one shape."""

    name: str = "add"


def activate(inputs: ArrayLike, activation: Activation) -> Floats:
    """Apply an activation to each element of an array of any shape.

    Args:
        inputs: real numbers.
        activation: name and parameters of an activation kernel.

    Returns:
        float32, the same shape. New array.

    Raises:
        TypeError: the inputs are no real numbers.
        ValueError: no activation has this name.
    """
    x = floats(inputs, "inputs")
    outputs = np.empty_like(x)
    kernel = _kernels.elementwise.Activate(x.size, activation)
    kernel.run(x.reshape(1, -1), outputs.reshape(1, -1), thread_count())
    return outputs


def row_activate(inputs: ArrayLike, name: str) -> Floats:
    """Apply softmax, log_softmax, sparsemax or glu along the last axis.

    Args:
        inputs: real numbers, at least one axis.
        name: of the kernel.

    Returns:
        float32, the same shape; glu halves the last axis. New array.

    Raises:
        TypeError: the inputs are no real numbers.
        ValueError: there is no such kernel, or no axis for it to run along.
    """
    x = floats(inputs, "inputs")
    if x.ndim == 0:
        raise ValueError(f"{name} runs along the last axis. Received a single number.")
    outputs = np.empty(RowActivate(name).output_shape(x.shape), np.float32)
    rows = math.prod(x.shape[:-1])
    kernel = _kernels.elementwise.RowActivate(name, rows, x.shape[-1])
    kernel.run(
        x.reshape(rows, x.shape[-1]), outputs.reshape(rows, outputs.shape[-1]), thread_count()
    )
    return outputs
