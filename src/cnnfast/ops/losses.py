"""Losses as operations: a number for each row of a network's outputs, and its gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnfast._kernels import loss as kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape

LossKind: TypeAlias = Literal["sparse", "categorical", "binary", "squared", "absolute"]


@dataclass(frozen=True, eq=False)
class LossValue(Op):
    """Compute the loss of each row; `_kernels/loss.pyx` has the formulas.

    Args:
        kind: "sparse" and "categorical" take the inputs of a softmax, "binary" those of a
            sigmoid, "squared" and "absolute" any outputs.
        smoothing: how far targets are drawn to equal probabilities, 0 to 1.
    """

    takes_integers = True

    kind: LossKind
    smoothing: float = 0.0

    def output_shape(self, *shapes: Shape) -> Shape:
        """(..., K) and targets, int32 (...) if "sparse" and float32 (..., K) else -> (...)."""
        self._check_targets(shapes[0], shapes[1])
        return shapes[0][:-1]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for outputs and targets."""
        *rest, columns = shapes[0]
        return kernels.LossValue(self.kind, math.prod(rest), columns, self.smoothing)

    def _check_targets(self, outputs: Shape, targets: Shape) -> None:
        expected = outputs[:-1] if self.kind == "sparse" else outputs
        if targets != expected:
            raise ValueError(
                f"The targets of a {self.kind} loss must have the shape {expected} for outputs of "
                f"the shape {outputs}. Received targets of the shape {targets}."
            )


@dataclass(frozen=True, eq=False)
class LossGradient(LossValue):
    """Compute the gradient of each row's loss, times the row's scale."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """(..., K), targets and scales (...) -> (..., K)."""
        self._check_targets(shapes[0], shapes[1])
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for outputs, targets and scales."""
        *rest, columns = shapes[0]
        return kernels.LossGradient(self.kind, math.prod(rest), columns, self.smoothing)
