"""Masks: which steps of a sequence are padding, and means and statistics without it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Scope, Shape
from cnnfast.ops.batch_normalization import BatchMoment, BatchNormalize, totals_shape

# Keras's epsilon, which it adds to the number of steps that count.
EPSILON: Final = 1e-7


@dataclass(frozen=True, eq=False)
class StepMask(Op):
    """Tell steps from padding: 1 where any channel differs from a value, else 0.

    Args:
        value: that padding consists of.
    """

    value: float

    def output_shape(self, *shapes: Shape) -> Shape:
        """(..., C) -> (..., 1)."""
        return *shapes[0][:-1], 1

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x."""
        *rest, channels = shapes[0]
        return _kernels.step_mask.StepMask(math.prod(rest), channels, self.value)


@dataclass(frozen=True, eq=False)
class MaskedMean(Op):
    """Take the mean of each channel over the steps that count."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """(L, C), (L, 1) -> (C,)."""
        values, mask = shapes
        if mask != (values[0], 1):
            raise ValueError(
                f"A mask of shape {(values[0], 1)} is needed for inputs of shape {values}. "
                f"Received shape {mask}."
            )
        return values[1:]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x and a mask."""
        return _kernels.masked_mean.MaskedMean(*shapes[0])


@dataclass(frozen=True, eq=False)
class MaskedMeanGradient(Op):
    """Give the steps that count equal parts of what the mean received."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """(C,), (L, 1) -> (L, C)."""
        return shapes[1][0], shapes[0][0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for dy and a mask."""
        return _kernels.masked_mean.MaskedMeanGradient(shapes[1][0], shapes[0][0])


@dataclass(frozen=True, eq=False)
class MaskedBatchSums(Op):
    """Sum up x[..., c], its square, and the number of rows, of those rows that count."""

    scope: ClassVar[Scope] = "sum"

    def output_shape(self, *shapes: Shape) -> Shape:
        """(..., C), (..., 1) -> totals."""
        values, mask = shapes
        if mask != (*values[:-1], 1):
            raise ValueError(
                "The mask provided should be one dimension less than the inputs. Received: "
                f"a mask of shape {mask[:-1]} for inputs of shape {values}, batch axis left out"
            )
        return totals_shape(values[-1])

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x and a mask."""
        *rest, channels = shapes[0]
        return _kernels.batch_sums.BatchSums(math.prod(rest), channels, is_masked=True)


@dataclass(frozen=True, eq=False)
class MaskedBatchMoment(BatchMoment):
    """Turn totals of rows that count, possibly of none, into the mean or the variance."""

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for totals."""
        if self.kind == "mean":
            return _kernels.batch_sums.BatchMean(len(self.moving), EPSILON)
        return _kernels.batch_sums.BatchVariance(len(self.moving), EPSILON)


@dataclass(frozen=True, eq=False)
class MaskedBatchNormalize(BatchNormalize):
    """Normalize all rows by the statistics of those that count.

    Its fourth and fifth input, a mask and the totals, are for the gradient alone.
    """


@dataclass(frozen=True, eq=False)
class MaskedBatchInputGradient(Op):
    """Pass back through a normalization, and to rows that count through its statistics.

    Args:
        normalize: the operation of the forward pass.
    """

    normalize: BatchNormalize

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape of x."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x, dy, mean, variance, sums of gradients, mask and totals."""
        *rest, channels = shapes[0]
        return _kernels.batch_normalization.BatchInputGradient(
            math.prod(rest), channels, self.normalize.gamma, self.normalize.epsilon, is_masked=True
        )
