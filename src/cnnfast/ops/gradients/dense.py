"""Gradients of the matrix product."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cnnfast._kernels import weight_gradient as kernels
from cnnfast._kernels.dense import Dense as DenseKernel
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Floats, Op, Shape
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import LINEAR
from cnnfast.ops.gradients.rule import Packing, Rule, Term, gradient_of, packs


@dataclass(frozen=True, eq=False)
class DenseInputGradient(Op):
    """Multiply by the transpose: dx[..., c] = sum over n of dy[..., n] kernel[c, n].

    Args:
        kernel: float32, (C, K).
    """

    kernel: Floats

    def output_shape(self, *shapes: Shape) -> Shape:
        """(..., K) -> (..., C)."""
        return (*shapes[0][:-1], self.kernel.shape[0])

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        rows = math.prod(shapes[0][:-1])
        return DenseKernel(rows, np.ascontiguousarray(self.kernel.T), None, LINEAR)


@dataclass(frozen=True, eq=False)
class DenseKernelGradient(Op):
    """Sum up what rows contribute: dkernel[c, n] += sum over rows of x[..., c] dy[..., n]."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """(..., C), (..., K) -> (C, K)."""
        return (shapes[0][-1], shapes[1][-1])

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x and dy."""
        *rest, depth = shapes[0]
        return kernels.DenseKernelGradient(math.prod(rest), depth, shapes[1][-1])


@dataclass(frozen=True, eq=False)
class BiasGradient(Op):
    """Sum up rows: dbias[n] += sum over rows of dy[..., n]."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """(..., K) -> (K,)."""
        return shapes[0][-1:]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for dy."""
        *rest, columns = shapes[0]
        return kernels.BiasGradient(math.prod(rest), columns)


BIAS_GRADIENT = Term(BiasGradient(), ("dy",))


@gradient_of(Dense)
def differentiate_dense(op: Dense, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a matrix product."""
    return Rule(
        (Term(DenseInputGradient(op.kernel), ("dy",)),),
        {"kernel": Term(DenseKernelGradient(), ("x0", "dy")), "bias": BIAS_GRADIENT},
    )


@packs(Dense)
def packing_of_dense(op: Dense) -> Packing:
    """Pack kernel and bias as they are."""
    return Packing(op.kernel, op.bias, None)


@packs(DenseInputGradient)
def packing_of_transpose(op: DenseInputGradient) -> Packing:
    """Pack the transpose, as of a convolution with a single tap."""
    return Packing(op.kernel, None, (1, 1, *op.kernel.shape))
