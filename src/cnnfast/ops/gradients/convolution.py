"""Gradients of convolutions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cnnfast._kernels import strided_gradient, weight_gradient
from cnnfast._kernels.sparse_gradient import SparseInputGradient, SparseKernelGradient
from cnnfast._kernels.step import Kernel
from cnnfast._kernels.winograd_gradient import WinogradKernelGradient
from cnnfast.ops.base import Floats, Op, Shape
from cnnfast.ops.convolution import Border, Convolution
from cnnfast.ops.gradients.dense import BIAS_GRADIENT, BiasGradient
from cnnfast.ops.gradients.rule import Gradient, Packing, Rule, Term, gradient_of, packs
from cnnfast.ops.gradients.sparsity import (
    kernel_suits_winograd,
    sparse_input_pays,
    sparse_kernel_pays,
)

__all__ = ["BiasGradient", "ConvolutionInputGradient", "ConvolutionKernelGradient", "turned"]


@dataclass(frozen=True, eq=False)
class ConvolutionInputGradient(Gradient):
    """Give input pixels what they contributed to.

    dx[h, w, c] = sum of dy[p, q, k] kernel[r, s, c, k] over all taps with p sh + r dh - top = h
    and q sw + s dw - left = w

    Args:
        convolution: the operation of the forward pass.
        shape: of its input.
        received: the part of dy that is not zero.
    """

    convolution: Convolution
    shape: Shape
    received: float = 1.0

    def output_shape(self, *shapes: Shape) -> Shape:
        """(P, Q, K) -> (H, W, C)."""
        return self.shape

    def density(self, *densities: float) -> float:
        """Know of no zeros: windows overlap."""
        return 1.0

    def suited(self, *densities: float) -> Op:
        """Remember the density of dy."""
        return replace(self, received=densities[0])

    def is_sparse(self) -> bool:
        """Whether what is zero of dy is left out."""
        return sparse_input_pays(self.convolution, self.shape, self.received)

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for dy: if dense and without strides, for a convolution with turned filters."""
        op, kernel = self.convolution, self.convolution.kernel
        if self.is_sparse():
            padding = (*op.padding[0], *op.padding[1])
            return SparseInputGradient(
                self.shape, kernel, op.strides[0], padding, op.dilation[0], self.received
            )
        border = self._border(shapes[0])
        filters = turned(kernel, op.groups)
        if op.strides == (1, 1) and min(*border[0], *border[1]) >= 0:
            back = Convolution(filters, None, (1, 1), border, op.dilation, op.groups)
            return back.prepare(*shapes)
        (top, _), (left, _) = op.padding
        return strided_gradient.StridedInputGradient(
            self.shape, shapes[0], filters, op.strides, (top, left), op.dilation, op.groups
        )

    def _border(self, gradient: Shape) -> Border:
        """Count the zeros around dy that make the result as large as the input."""
        op = self.convolution
        reach = [(op.kernel.shape[i] - 1) * op.dilation[i] for i in range(2)]
        before = [reach[i] - op.padding[i][0] for i in range(2)]
        after = [self.shape[i] + reach[i] - gradient[i] - before[i] for i in range(2)]
        return (before[0], after[0]), (before[1], after[1])


def turned(kernel: Floats, groups: int) -> Floats:
    """Turn filters by 180 degrees and swap channels and filters, group by group.

    Args:
        kernel: (R, S, C // groups, K).
        groups: of channels and filters.

    Returns:
        (R, S, K // groups, C).
    """
    R, S, C, K = kernel.shape
    parts = kernel[::-1, ::-1].reshape(R, S, C, groups, K // groups)
    return np.ascontiguousarray(
        parts.transpose(0, 1, 4, 3, 2).reshape(R, S, K // groups, groups * C)
    )


@dataclass(frozen=True, eq=False)
class ConvolutionKernelGradient(Gradient):
    """Sum up what pixels contribute.

    dkernel[r, s, c, k] += sum over n, p, q of x[n, p sh + r dh, q sw + s dw, c] dy[n, p, q, k]

    Args:
        convolution: the operation of the forward pass.
        received: the part of dy that is not zero.
    """

    convolution: Convolution
    received: float = 1.0

    def output_shape(self, *shapes: Shape) -> Shape:
        """Give that of the kernel."""
        return self.convolution.kernel.shape

    def density(self, *densities: float) -> float:
        """Know of no zeros: this is a sum."""
        return 1.0

    def suited(self, *densities: float) -> Op:
        """Remember the density of dy."""
        return replace(self, received=densities[1])

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x and dy; a filter of one pixel makes it a product of matrices."""
        op = self.convolution
        H, W, C = shapes[0]
        if op.is_pointwise():
            return weight_gradient.DenseKernelGradient(H * W, C, shapes[1][2])
        padding = (*op.padding[0], *op.padding[1])
        if sparse_kernel_pays(op, shapes[0], self.received):
            return SparseKernelGradient(
                H, W, C, op.kernel.shape, op.strides, padding, op.dilation, self.received
            )
        if kernel_suits_winograd(op, shapes[0]):
            return WinogradKernelGradient(H, W, C, shapes[1][2], padding)
        return weight_gradient.ConvolutionKernelGradient(
            H, W, C, op.kernel.shape, op.strides, padding, op.dilation, op.groups
        )


@gradient_of(Convolution)
def differentiate_convolution(op: Convolution, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a convolution."""
    return Rule(
        (Term(ConvolutionInputGradient(op, shapes[0]), ("dy",)),),
        {"kernel": Term(ConvolutionKernelGradient(op), ("x0", "dy")), "bias": BIAS_GRADIENT},
    )


@packs(Convolution)
def packing_of_convolution(op: Convolution) -> Packing:
    """Pack kernel and bias as they are."""
    return Packing(op.kernel, op.bias, None)


@packs(ConvolutionInputGradient)
def packing_of_input_gradient(op: ConvolutionInputGradient) -> Packing:
    """Pack the turned filters, or those of what is sparse as they are."""
    if op.is_sparse():
        return Packing(op.convolution.kernel, None, None)
    R, S, C, K = op.convolution.kernel.shape
    groups = op.convolution.groups
    return Packing(op.convolution.kernel, None, (R * S, groups, C, K // groups))
