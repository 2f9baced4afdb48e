"""Gradients of batch normalization, through the statistics of the batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from cnnfast._kernels import batch_normalization as kernels
from cnnfast._kernels import batch_sums
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Floats, Op, Scope, Shape
from cnnfast.ops.batch_normalization import BatchNormalize, totals_shape
from cnnfast.ops.gradients.rule import Rule, Term, gradient_of
from cnnfast.ops.masks import MaskedBatchInputGradient, MaskedBatchNormalize
from cnnfast.ops.renorm import Renormalize, RenormGammaGradient


@dataclass(frozen=True, eq=False)
class BatchGradientSums(Op):
    """Sum up dy[..., c], dy (x - mean), and the number of rows."""

    scope: ClassVar[Scope] = "sum"

    def output_shape(self, *shapes: Shape) -> Shape:
        """(..., C) -> totals."""
        return totals_shape(shapes[0][-1])

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for dy, x and the mean."""
        *rest, channels = shapes[0]
        return batch_sums.BatchGradientSums(math.prod(rest), channels)


@dataclass(frozen=True, eq=False)
class GammaGradient(Op):
    """Sum up dy times the normalized x: dgamma[c] += sum of dy (x - mean) / sqrt(var + epsilon).

    Args:
        epsilon: added to the variance.
    """

    scope: ClassVar[Scope] = "batch"

    epsilon: float

    def output_shape(self, *shapes: Shape) -> Shape:
        """Totals, (C,) -> (C,)."""
        return shapes[1]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for totals and the variance."""
        return batch_sums.GammaGradient(shapes[1][0], self.epsilon)


@dataclass(frozen=True, eq=False)
class BetaGradient(Op):
    """Sum up dy: dbeta[c] += sum of dy."""

    scope: ClassVar[Scope] = "batch"

    def output_shape(self, *shapes: Shape) -> Shape:
        """Totals, (C,) -> (C,)."""
        return shapes[1]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for totals and the variance."""
        return batch_sums.BetaGradient(shapes[1][0])


@dataclass(frozen=True, eq=False)
class BatchInputGradient(Op):
    """Pass back through a normalization and the statistics it uses.

    dx = s (dy - mean of dy - (x - mean) / (variance + epsilon) * mean of dy (x - mean)), with
    s = gamma / sqrt(variance + epsilon).

    Args:
        gamma: float32, (C,); None for ones.
        epsilon: added to the variance.
    """

    gamma: Floats | None
    epsilon: float

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape of x."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x, dy, mean, variance and totals."""
        *rest, channels = shapes[0]
        return kernels.BatchInputGradient(math.prod(rest), channels, self.gamma, self.epsilon)


@gradient_of(MaskedBatchNormalize)
def differentiate_masked_normalization(op: MaskedBatchNormalize, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a normalization by the statistics of some rows."""
    sums = Term(BatchGradientSums(), ("dy", "x0", "x1"))
    back = Term(MaskedBatchInputGradient(op), ("x0", "dy", "x1", "x2", sums, "x3", "x4"))
    constants = differentiate_normalization(op, shapes).constants
    return Rule((back, None, None, None, None), constants)


@gradient_of(Renormalize)
def differentiate_renormalization(op: Renormalize, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a corrected normalization; corrections pass nothing back."""
    sums = Term(BatchGradientSums(), ("dy", "x0", "x1"))
    back = BatchInputGradient(op.gamma, op.epsilon)
    return Rule(
        (Term(back, ("x0", "dy", "x1", "x2", sums)), None, None, None),
        {
            "own_gamma": Term(RenormGammaGradient(op.epsilon), (sums, "x2", "x3")),
            "own_beta": Term(BetaGradient(), (sums, "x2")),
        },
    )


@gradient_of(BatchNormalize)
def differentiate_normalization(op: BatchNormalize, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a normalization; what flows through mean and variance is in that of x."""
    sums = Term(BatchGradientSums(), ("dy", "x0", "x1"))
    back = BatchInputGradient(op.gamma, op.epsilon)
    return Rule(
        (Term(back, ("x0", "dy", "x1", "x2", sums)), None, None),
        {
            "gamma": Term(GammaGradient(op.epsilon), (sums, "x2")),
            "beta": Term(BetaGradient(), (sums, "x2")),
        },
    )
