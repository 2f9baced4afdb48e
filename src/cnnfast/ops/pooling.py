"""Pooling of images; a sequence is an image of height 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnfast._kernels import pool as kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.convolution import NO_BORDER, Border, window_counts

Kind: TypeAlias = Literal["max", "average"]


@dataclass(frozen=True, eq=False)
class Pooling(Op):
    """Take the maximum or the mean of each window; padding takes no part in either.

    Args:
        kind: "max" or "average".
        pool: (R, S), pixels.
        strides: (sh, sw), pixels.
        padding: pixels around the image that belong to windows but hold nothing.
    """

    kind: Kind
    pool: tuple[int, int]
    strides: tuple[int, int]
    padding: Border = NO_BORDER
    dilation: tuple[int, int] = (1, 1)

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) -> (P, Q, C)."""
        if len(shapes[0]) != 3:
            raise ValueError(f"Pooling takes images (H, W, C). Received shape {shapes[0]}.")
        return (*window_counts(shapes[0], self.pool, self), shapes[0][2])

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        padding = (*self.padding[0], *self.padding[1])
        return kernels.Pooling(self.kind, *shapes[0], self.pool, self.strides, padding)


@dataclass(frozen=True, eq=False)
class GlobalPooling(Op):
    """Take the maximum or the mean of all pixels of each channel."""

    kind: Kind

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) -> (C,)."""
        if len(shapes[0]) != 3 or 0 in shapes[0]:
            raise ValueError(f"Pooling takes images (H, W, C). Received shape {shapes[0]}.")
        return shapes[0][2:]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        H, W, C = shapes[0]
        return kernels.GlobalPooling(self.kind, H * W, C)
