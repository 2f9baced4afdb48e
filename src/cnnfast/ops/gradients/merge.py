"""Gradients of what joins arrays element by element, and of gates."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cnnfast._kernels import merge_gradient as kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.elementwise import Add, Combine
from cnnfast.ops.gradients.rule import PASS, Rule, Term, gradient_of
from cnnfast.ops.normalization import Gate


@dataclass(frozen=True, eq=False)
class Negative(Op):
    """Turn the sign: dx = -dy."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for dy."""
        return kernels.Negative(math.prod(shapes[0]))


@dataclass(frozen=True, eq=False)
class Choice(Op):
    """Pass back to the first input that equals the output: dx = dy there, 0 elsewhere.

    Its inputs are those of the forward pass up to this one, the output and dy.
    """

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x0, x1, ..., y and dy."""
        return kernels.Choice(math.prod(shapes[0]), len(shapes) - 3)


@dataclass(frozen=True, eq=False)
class GateGradient(Op):
    """Sum up what a gate scaled: dgate[c] = sum of x[..., c] dy[..., c]."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """(..., C), (..., C) -> (C,)."""
        return shapes[0][-1:]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x and dy."""
        *rest, channels = shapes[0]
        return kernels.GateGradient(math.prod(rest), channels)


@gradient_of(Add)
def differentiate_sum(op: Add, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a sum."""
    return Rule((PASS,) * len(shapes), {})


@gradient_of(Combine)
def differentiate_combination(op: Combine, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a sum, difference, product, maximum or minimum of arrays."""
    count = len(shapes)
    names = tuple(f"x{index}" for index in range(count))
    if op.name == "add":
        return Rule((PASS,) * count, {})
    if op.name == "subtract":
        return Rule((PASS, *(Term(Negative(), ("dy",)),) * (count - 1)), {})
    if op.name == "multiply":
        others = [names[:index] + names[index + 1 :] for index in range(count)]
        return Rule(tuple(Term(op, ("dy", *reads)) for reads in others), {})
    return Rule(
        tuple(Term(Choice(), (*names[: index + 1], "y", "dy")) for index in range(count)), {}
    )


@gradient_of(Gate)
def differentiate_gate(op: Gate, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a scale by gates."""
    return Rule((Term(op, ("dy", "x1")), Term(GateGradient(), ("x0", "dy"))), {})
