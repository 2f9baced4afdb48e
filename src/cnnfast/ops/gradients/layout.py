"""Gradients of operations that move or look up floats."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cnnfast._kernels import layout_gradient as kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.embedding import Embedding
from cnnfast.ops.gradients.rule import Rule, Term, gradient_of
from cnnfast.ops.layout import Concatenate, Pad, Permute


@dataclass(frozen=True, eq=False)
class Cut(Op):
    """Copy runs of floats out of an array.

    Args:
        shape: of the result.
        first: float that the first run begins with.
        stride: floats from one run to the next.
        runs: how many.
    """

    shape: Shape
    first: int
    stride: int
    runs: int

    def output_shape(self, *shapes: Shape) -> Shape:
        """Give that of the result."""
        return self.shape

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        length = math.prod(self.shape) // max(self.runs, 1)
        return kernels.Cut(math.prod(shapes[0]), self.first, self.stride, self.runs, length)


@dataclass(frozen=True, eq=False)
class EmbeddingGradient(Op):
    """Sum up what rows of a table received: dtable[x[...], d] += dy[..., d].

    Args:
        table: shape of the table, (V, D).
    """

    takes_integers = True

    table: Shape

    def output_shape(self, *shapes: Shape) -> Shape:
        """Give that of the table."""
        return self.table

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for ids and dy."""
        V, D = self.table
        return kernels.EmbeddingGradient(math.prod(shapes[0]), V, D, integers)


@gradient_of(Embedding)
def differentiate_embedding(op: Embedding, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a look-up."""
    return Rule((None,), {"table": Term(EmbeddingGradient(op.table.shape), ("x0", "dy"))})


@gradient_of(Pad)
def differentiate_padding(op: Pad, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate padding: cut the border off."""
    H, W, C = shapes[0]
    (top, _), (left, right) = op.padding
    row = (left + W + right) * C
    return Rule((Term(Cut(shapes[0], top * row + left * C, row, H), ("dy",)),), {})


@gradient_of(Concatenate)
def differentiate_joining(op: Concatenate, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate joining: give each input its part."""
    lengths = [math.prod(shape[op.axis :]) for shape in shapes]
    starts = np.cumsum([0, *lengths])
    rows = math.prod(shapes[0][: op.axis])
    return Rule(
        tuple(
            Term(Cut(shape, int(start), int(starts[-1]), rows), ("dy",))
            for shape, start in zip(shapes, starts, strict=False)
        ),
        {},
    )


@gradient_of(Permute)
def differentiate_permutation(op: Permute, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a change of the axes' order."""
    back = tuple(int(axis) for axis in np.argsort(op.axes))
    return Rule((Term(Permute(back), ("dy",)),), {})
