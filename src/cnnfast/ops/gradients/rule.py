"""What a rule says, and how it is found by the type of an operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, TypeVar

from cnnfast.ops.base import Floats, Op, Shape


class Term(NamedTuple):
    """One gradient.

    Attributes:
        op: computes it; None where it is the gradient of the output itself.
        reads: its inputs: "x0", "x1", ... for the operation's inputs, "y" for its output, "dy"
            for the gradient of that, or another term, computed once for all that read it.
    """

    op: Op | None
    reads: tuple[str | Term, ...]


class Gradient(Op):
    """An operation of the backward pass that knows about zeros.

    A density is the part of an array that is not zero as far as is known, 1 where nothing is.
    """

    @property
    def passes_to_maxima(self) -> bool:
        """Whether it reads x, y and dy, and elements of x that are equal to y receive all."""
        return False

    def density(self, *densities: float) -> float:
        """Give that of the output.

        Args:
            *densities: of each input.
        """
        raise NotImplementedError

    def suited(self, *densities: float) -> Op:
        """Give the operation that is to be done for inputs of these densities.

        Args:
            *densities: of each input.
        """
        return self


class Rule(NamedTuple):
    """The gradients of an operation.

    Attributes:
        inputs: of each input; None where there is none, as of an embedding's ids.
        constants: of the constants that can train, by the names of their fields. Their operations
            sum over images, into memory that they share.
    """

    inputs: tuple[Term | None, ...]
    constants: dict[str, Term]


class Packing(NamedTuple):
    """How a prepared kernel's packed constants follow from arrays that train.

    Attributes:
        weights: as the variable has them.
        bias: one float per filter, or None.
        turn: None to pack them so; (taps, groups, C, K), C and K of a group, to turn the taps by
            180 degrees and swap channels and filters first.
    """

    weights: Floats
    bias: Floats | None
    turn: tuple[int, int, int, int] | None


# The gradient that an operation passes on as it is.
PASS = Term(None, ("dy",))

Differentiator: TypeAlias = Callable[[Any, tuple[Shape, ...]], Rule | None]
Packer: TypeAlias = Callable[[Any], Packing]
Differentiators = TypeVar("Differentiators", bound=Differentiator)
Packers = TypeVar("Packers", bound=Packer)

_RULES: dict[type[Op], Differentiator] = {}
_PACKINGS: dict[type[Op], Packer] = {}


def gradient_of(kind: type[Op]) -> Callable[[Differentiators], Differentiators]:
    """Register the rule of a type of operation, applied without its activation.

    Args:
        kind: the type.
    """

    def register(rule: Differentiators) -> Differentiators:
        _RULES[kind] = rule
        return rule

    return register


def packs(kind: type[Op]) -> Callable[[Packers], Packers]:
    """Register how the kernels of a type of operation are packed anew.

    Args:
        kind: the type.
    """

    def register(packing: Packers) -> Packers:
        _PACKINGS[kind] = packing
        return packing

    return register


def rule_of(op: Op, shapes: tuple[Shape, ...]) -> Rule | None:
    """Give the gradients of an operation, or None where there is no rule for it.

    Args:
        op: its activation counts as linear.
        shapes: of its inputs.
    """
    rule = _RULES.get(type(op))
    return None if rule is None else rule(op, shapes)


def packing_of(op: Op) -> Packing | None:
    """Say what the kernel of an operation is packed from; None where it packs nothing.

    Args:
        op: of the forward or the backward pass.
    """
    packing = _PACKINGS.get(type(op))
    return None if packing is None else packing(op)
