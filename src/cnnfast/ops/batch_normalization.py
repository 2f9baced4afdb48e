"""Batch normalization in training: with the statistics of the batch.

A chain of operations: sums over the batch, what follows from them once for the batch, and the
normalization of each image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Floats, Op, Scope, Shape
from cnnfast.ops.elementwise import LINEAR, Activation


def totals_shape(channels: int) -> Shape:
    """Give the floats of two sums a channel and a count, all in float64.

    Args:
        channels: how many.
    """
    return (2 * (2 * channels + 1),)


@dataclass(frozen=True, eq=False)
class BatchSums(Op):
    """Sum up x[..., c], its square, and the number of rows."""

    scope: ClassVar[Scope] = "sum"

    def output_shape(self, *shapes: Shape) -> Shape:
        """(..., C) -> totals."""
        return totals_shape(shapes[0][-1])

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x."""
        *rest, channels = shapes[0]
        return _kernels.batch_sums.BatchSums(math.prod(rest), channels)


@dataclass(frozen=True, eq=False)
class BatchMoment(Op):
    """Turn totals into the mean or the variance of a batch.

    Args:
        kind: "mean" or "variance".
        moving: value of the variable that follows it, (C,).
        momentum: share of the old value that a step keeps in it.
    """

    scope: ClassVar[Scope] = "batch"

    kind: str
    moving: Floats
    momentum: float

    def output_shape(self, *shapes: Shape) -> Shape:
        """Totals -> (C,)."""
        return self.moving.shape

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for totals."""
        channels = len(self.moving)
        if self.kind == "mean":
            return _kernels.batch_sums.BatchMean(channels)
        return _kernels.batch_sums.BatchVariance(channels)


@dataclass(frozen=True, eq=False)
class BatchNormalize(Op):
    """Normalize: y = f(gamma (x - mean) / sqrt(variance + epsilon) + beta), for each channel.

    Its result is cheap enough to be computed again where a later phase reads it.

    Args:
        gamma: float32, (C,); None for ones.
        beta: float32, (C,); None for zeros.
        epsilon: added to the variance.
        activation: applied to the result.
    """

    is_repeatable: ClassVar[bool] = True

    gamma: Floats | None
    beta: Floats | None
    epsilon: float
    activation: Activation = LINEAR

    def output_shape(self, *shapes: Shape) -> Shape:
        """(..., C), (C,), (C,) -> (..., C)."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x, mean and variance."""
        *rest, channels = shapes[0]
        return _kernels.batch_normalization.BatchNormalize(
            math.prod(rest), channels, self.gamma, self.beta, self.epsilon, self.activation
        )
