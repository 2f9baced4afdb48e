"""Gradients of activations and scales."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from cnnfast._kernels import elementwise_gradient as kernels
from cnnfast._kernels import prelu_gradient
from cnnfast._kernels.row_gradient import RowGradient as RowGradientKernel
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.elementwise import Activate, Activation, Prelu, RowActivate
from cnnfast.ops.gradients.rule import Gradient, Packing, Rule, Term, gradient_of, packs
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
class ActivationGradient(Gradient):
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

    def density(self, *densities: float) -> float:
        """Keep that of dy."""
        return densities[1]


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


@dataclass(frozen=True, eq=False)
class RowGradient(Op):
    """Pass back through log_softmax, sparsemax or glu.

    Its first input is the function's output, but for glu its input.

    Args:
        name: of the function.
    """

    name: str

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape of the first input."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for y or x, and dy."""
        *rest, columns = shapes[0]
        return RowGradientKernel(self.name, math.prod(rest), columns)


@dataclass(frozen=True, eq=False)
class PreluInputGradient(Op):
    """Pass back through a leaky line: dx = dy above zero, slope dy below.

    Args:
        prelu: the operation of the forward pass.
    """

    prelu: Prelu

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x and dy."""
        slopes = self.prelu.slopes.reshape(-1)
        places = self.prelu.places(shapes[0])
        return prelu_gradient.PreluInputGradient(math.prod(shapes[0]), slopes, places)


@dataclass(frozen=True, eq=False)
class PreluSlopesGradient(Op):
    """Sum up what lay below zero: dslope += sum of x dy over all x < 0 that share it.

    Args:
        prelu: the operation of the forward pass.
    """

    prelu: Prelu

    def output_shape(self, *shapes: Shape) -> Shape:
        """Give that of the slopes."""
        return self.prelu.slopes.shape

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x and dy."""
        places = self.prelu.places(shapes[0])
        return prelu_gradient.PreluSlopesGradient(math.prod(shapes[0]), places)


@gradient_of(Activate)
def differentiate_activation(op: Activate, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate an activation."""
    source = "y" if follows_output(op.activation) else "x0"
    return Rule((Term(ActivationGradient(op.activation), (source, "dy")),), {})


@gradient_of(RowActivate)
def differentiate_rows(op: RowActivate, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a function of rows."""
    if op.name == "softmax":
        return Rule((Term(SoftmaxGradient(), ("y", "dy")),), {})
    source = "x0" if op.name == "glu" else "y"
    return Rule((Term(RowGradient(op.name), (source, "dy")),), {})


@gradient_of(Prelu)
def differentiate_prelu(op: Prelu, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a leaky line whose slopes train."""
    return Rule(
        (Term(PreluInputGradient(op), ("x0", "dy")),),
        {"slopes": Term(PreluSlopesGradient(op), ("x0", "dy"))},
    )


@packs(Prelu)
def packing_of_prelu(op: Prelu) -> Packing:
    """Pack the slopes as they are."""
    return Packing(op.slopes, None, None)


@packs(PreluInputGradient)
def packing_of_prelu_gradient(op: PreluInputGradient) -> Packing:
    """Pack the slopes as they are."""
    return Packing(op.prelu.slopes, None, None)


@gradient_of(ScaleShift)
def differentiate_scale(op: ScaleShift, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a scale and shift that does not train."""
    back = ScaleShift(op.scale, np.zeros_like(op.scale))
    return Rule((Term(back, ("dy",)),), {})
