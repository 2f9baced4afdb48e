"""Operations that only move floats."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.convolution import Border


@dataclass(frozen=True, eq=False)
class Pad(Op):
    """Put zeros around an image.

    Args:
        padding: ((top, bottom), (left, right)), pixels.
    """

    padding: Border

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) -> (top + H + bottom, left + W + right, C)."""
        if len(shapes[0]) != 3:
            raise ValueError(f"Padding takes images (H, W, C). Received shape {shapes[0]}.")
        H, W, C = shapes[0]
        return (H + sum(self.padding[0]), W + sum(self.padding[1]), C)

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        H, W, C = shapes[0]
        return _kernels.layout.Pad(H, W, C, (*self.padding[0], *self.padding[1]))


@dataclass(frozen=True, eq=False)
class Permute(Op):
    """Reorder the axes: axis i of the output is axis axes[i] of the input.

    Args:
        axes: counted from 0, without the batch axis.
    """

    axes: tuple[int, ...]

    def output_shape(self, *shapes: Shape) -> Shape:
        """Reorder the sizes."""
        if sorted(self.axes) != list(range(len(shapes[0]))):
            raise ValueError(
                f"`axes` must name each axis of the input once. Received axes={self.axes} for "
                f"shape {shapes[0]}."
            )
        return tuple(shapes[0][axis] for axis in self.axes)

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        return _kernels.layout.Permute(shapes[0], self.axes)


@dataclass(frozen=True, eq=False)
class Concatenate(Op):
    """Join arrays along an axis.

    Args:
        axis: counted from 0, without the batch axis.
    """

    axis: int

    def output_shape(self, *shapes: Shape) -> Shape:
        """Add up the sizes of the axis."""
        first = shapes[0]
        others = {(*shape[: self.axis], *shape[self.axis + 1 :]) for shape in shapes}
        if len(others) != 1 or not 0 <= self.axis < len(first):
            raise ValueError(
                f"Arrays joined along axis {self.axis} must agree in all other axes. "
                f"Received shapes {shapes}."
            )
        size = sum(shape[self.axis] for shape in shapes)
        return (*first[: self.axis], size, *first[self.axis + 1 :])

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for two or more inputs."""
        rows = math.prod(shapes[0][: self.axis])
        return _kernels.layout.Concatenate(
            rows, tuple(math.prod(shape[self.axis :]) for shape in shapes)
        )
