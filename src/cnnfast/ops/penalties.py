"""Penalties on what layers put out, and their gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cnnfast._kernels import penalty as kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape


@dataclass(frozen=True, eq=False)
class Penalty(Op):
    """Sum up l1 |x| + l2 x^2 over each image.

    Args:
        l1: factor of the absolute values.
        l2: factor of the squares.
    """

    l1: float
    l2: float

    def output_shape(self, *shapes: Shape) -> Shape:
        """Give each image one number."""
        return (1,)

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x."""
        return kernels.Penalty(math.prod(shapes[0]), self.l1, self.l2)


@dataclass(frozen=True, eq=False)
class PenaltyGradient(Op):
    """Differentiate the penalty: dx = share (l1 sign(x) + 2 l2 x), where sign(0) = 0.

    Args:
        l1: factor of the absolute values.
        l2: factor of the squares.
    """

    l1: float
    l2: float

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape of x."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x and a share for each image, (1,)."""
        return kernels.PenaltyGradient(math.prod(shapes[0]), self.l1, self.l2)
