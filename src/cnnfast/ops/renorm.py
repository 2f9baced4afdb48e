"""Batch renormalization: normalization in training that is corrected towards moving statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Floats, Op, Scope, Shape
from cnnfast.ops.batch_normalization import BatchNormalize


@dataclass(frozen=True, eq=False)
class RenormCorrection(Op):
    """Compute r and d of a batch, and what they make of gamma and beta.

    Args:
        gamma: float32, (C,); None for ones.
        beta: float32, (C,); None for zeros.
        renorm_mean: the moving mean that d leads to, (C,).
        renorm_stddev: the moving deviation that r leads to, (C,).
        moving_stddev: of predictions, (C,).
        moving_variance: what follows from it, (C,).
        epsilon: added to the variance.
        bounds: least and largest r, and largest d.
        momentum: share of its old value that a step keeps in `moving_stddev`.
        renorm_momentum: likewise in `renorm_mean` and `renorm_stddev`.
        scale: (C,), is filled with gamma r.
        shift: (C,), is filled with beta + gamma d.
    """

    scope: ClassVar[Scope] = "batch"

    gamma: Floats | None
    beta: Floats | None
    renorm_mean: Floats
    renorm_stddev: Floats
    moving_stddev: Floats
    moving_variance: Floats
    epsilon: float
    bounds: tuple[float, float, float]
    momentum: float
    renorm_momentum: float
    scale: Floats
    shift: Floats

    def output_shape(self, *shapes: Shape) -> Shape:
        """(C,), (C,) -> (2 C,)."""
        return (2 * len(self.scale),)

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for mean and variance."""
        return _kernels.renorm.RenormCorrection(
            self.gamma, self.beta, self.renorm_mean, self.renorm_stddev, self.epsilon,
            self.bounds, self.scale, self.shift,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Renormalize(BatchNormalize):
    """Normalize with corrected gamma and beta; the fourth input has the corrections.

    Args:
        own_gamma: the weight that trains; None for ones.
        own_beta: likewise; None for zeros.
    """

    own_gamma: Floats | None = None
    own_beta: Floats | None = None


@dataclass(frozen=True, eq=False)
class RenormGammaGradient(Op):
    """Sum up dy times what gamma multiplies: dgamma[c] += sum of dy (r normalized x + d).

    Args:
        epsilon: added to the variance.
    """

    scope: ClassVar[Scope] = "batch"

    epsilon: float

    def output_shape(self, *shapes: Shape) -> Shape:
        """Totals, (C,), (2 C,) -> (C,)."""
        return shapes[1]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for totals, the variance and the corrections."""
        return _kernels.renorm.RenormGammaGradient(shapes[1][0], self.epsilon)
