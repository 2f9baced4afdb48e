"""Gradients of pooling."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cnnfast._kernels import pool_gradient as kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Shape
from cnnfast.ops.gradients.rule import Gradient, Rule, Term, gradient_of
from cnnfast.ops.pooling import GlobalPooling, Pooling


@dataclass(frozen=True, eq=False)
class PoolingGradient(Gradient):
    """Give the pixels of each window what the window's output received.

    The maximum gives it to the first pixel, row by row, that is one; the average gives each an
    equal part.

    Args:
        pooling: the operation of the forward pass.
        shape: of its input.
    """

    pooling: Pooling
    shape: Shape

    def output_shape(self, *shapes: Shape) -> Shape:
        """Give that of the input."""
        return self.shape

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x, y and dy; the average needs only dy."""
        op = self.pooling
        padding = (*op.padding[0], *op.padding[1])
        H, W, C = self.shape
        return kernels.PoolingGradient(op.kind, H, W, C, op.pool, op.strides, padding)

    @property
    def passes_to_maxima(self) -> bool:
        """Whether pooling takes the maximum."""
        return self.pooling.kind == "max"

    def density(self, *densities: float) -> float:
        """Count one pixel of each window of a maximum."""
        windows = math.prod(self.pooling.output_shape(self.shape))
        return min(1.0, windows / math.prod(self.shape)) if self.pooling.kind == "max" else 1.0


@gradient_of(Pooling)
def differentiate_pooling(op: Pooling, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate pooling."""
    reads = ("x0", "y", "dy") if op.kind == "max" else ("dy",)
    return Rule((Term(PoolingGradient(op, shapes[0]), reads),), {})


@dataclass(frozen=True, eq=False)
class GlobalMaxGradient(Gradient):
    """Give all pixels that are the maximum of a channel equal parts of what it received.

    Args:
        shape: of the input of the forward pass.
    """

    shape: Shape

    def output_shape(self, *shapes: Shape) -> Shape:
        """Give that of the input."""
        return self.shape

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x, y and dy."""
        H, W, C = self.shape
        return kernels.GlobalMaxGradient(H * W, C)

    @property
    def passes_to_maxima(self) -> bool:
        """Always."""
        return True

    def density(self, *densities: float) -> float:
        """Count one pixel of each channel; more than one are rarely equal."""
        return 1 / (self.shape[0] * self.shape[1])


@gradient_of(GlobalPooling)
def differentiate_global_pooling(op: GlobalPooling, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate pooling of whole images."""
    if op.kind == "max":
        return Rule((Term(GlobalMaxGradient(shapes[0]), ("x0", "y", "dy")),), {})
    H, W, _ = shapes[0]
    window = Pooling(op.kind, (H, W), (H, W))
    return Rule((Term(PoolingGradient(window, shapes[0]), ("dy",)),), {})
