"""Gradients of activations, sums and scales."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from cnnfast._kernels import elementwise_gradient as kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.elementwise import Activate, Activation, Add, RowActivate
from cnnfast.ops.gradients.rule import PASS, Rule, Term, gradient_of
from cnnfast.ops.normalization import ScaleShift

# Activations whose slope micro/slopes.h takes from the output.
FROM_OUTPUT: Final = frozenset(
    {"linear", "relu", "celu", "elu", "exponential", "hard_sigmoid", "hard_tanh", "log_sigmoid",
     "selu", "sigmoid", "softplus", "softsign", "tanh"}
)  # fmt: skip


def follows_output(activation: Activation) -> bool:
    """Tell whether an activation's slope follows from its output.

    Args:
        activation: with a threshold or a falling part an output can come from two inputs.
    """
    name, slope, _, threshold = activation
    if name == "relu":
        return slope >= 0 and threshold == 0
    return name in FROM_OUTPUT and not (name in ("elu", "celu") and slope < 0)


@dataclass(frozen=True, eq=False)
class ActivationGradient(Op):
    """Multiply by the slope of an activation: dx = dy f'(x).

    Its first input is the activation's output where `follows_output`, else its input.

    Args:
        activation: of the forward pass.
    """

    activation: Activation

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x or y, and dy."""
        return kernels.ActivationGradient(math.prod(shapes[0]), self.activation)


@dataclass(frozen=True, eq=False)
class SoftmaxGradient(Op):
    """Pass back through softmax: dx = y (dy - sum over the row of y dy)."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for y and dy."""
        *rest, columns = shapes[0]
        return kernels.SoftmaxGradient(math.prod(rest), columns)


@gradient_of(Activate)
def differentiate_activation(op: Activate, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate an activation."""
    source = "y" if follows_output(op.activation) else "x0"
    return Rule((Term(ActivationGradient(op.activation), (source, "dy")),), {})


@gradient_of(RowActivate)
def differentiate_rows(op: RowActivate, shapes: tuple[Shape, ...]) -> Rule | None:
    """Differentiate softmax; there is no rule for its kin."""
    return Rule((Term(SoftmaxGradient(), ("y", "dy")),), {}) if op.name == "softmax" else None


@gradient_of(Add)
def differentiate_sum(op: Add, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a sum."""
    return Rule((PASS,) * len(shapes), {})


@gradient_of(ScaleShift)
def differentiate_scale(op: ScaleShift, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a scale and shift that does not train."""
    back = ScaleShift(op.scale, np.zeros_like(op.scale))
    return Rule((Term(back, ("dy",)),), {})
