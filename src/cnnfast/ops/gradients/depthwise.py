"""Gradients of depthwise convolutions."""

from __future__ import annotations

from dataclasses import dataclass

from cnnfast._kernels import depthwise_gradient as kernels
from cnnfast._kernels.depthwise import Depthwise as DepthwiseKernel
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import LINEAR
from cnnfast.ops.gradients.convolution import turned
from cnnfast.ops.gradients.dense import BIAS_GRADIENT
from cnnfast.ops.gradients.rule import Packing, Rule, Term, gradient_of, packs
from cnnfast.ops.resizing import image_shape


@dataclass(frozen=True, eq=False)
class DepthwiseInputGradient(Op):
    """Give input pixels what they contributed to.

    dx[h, w, c] = sum over m of dy[p, q, c M + m] kernel[r, s, c, m], over all taps with
    p sh + r dh - top = h and q sw + s dw - left = w

    Args:
        convolution: the operation of the forward pass.
        shape: of its input.
    """

    convolution: Depthwise
    shape: Shape

    def output_shape(self, *shapes: Shape) -> Shape:
        """(P, Q, C M) -> (H, W, C)."""
        return self.shape

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for dy: without strides as a depthwise convolution with turned filters."""
        op, shape = self.convolution, image_shape(self.shape)
        (top, _), (left, _) = op.padding
        # (R, S, M, C): group by group there is one channel and M filters.
        R, S, C, M = op.kernel.shape
        filters = turned(op.kernel.reshape(R, S, 1, C * M), C)
        above, before = (R - 1) * op.dilation[0] - top, (S - 1) * op.dilation[1] - left
        if op.strides == (1, 1) and M == 1 and min(above, before) >= 0:
            P, Q, K = shapes[0]
            below, after = shape[0] - P + top, shape[1] - Q + left
            return DepthwiseKernel(
                P, Q, K, filters.reshape(R, S, C, 1), None, op.strides,
                (above, below, before, after), op.dilation, LINEAR,
            )  # fmt: skip
        return kernels.DepthwiseInputGradient(
            shape, image_shape(shapes[0]), filters, op.strides, (top, left), op.dilation
        )


@dataclass(frozen=True, eq=False)
class DepthwiseKernelGradient(Op):
    """Sum up what pixels contribute.

    dkernel[r, s, c, m] += sum over n, p, q of
        x[n, p sh + r dh - top, q sw + s dw - left, c] dy[n, p, q, c M + m]

    Args:
        convolution: the operation of the forward pass.
    """

    convolution: Depthwise

    def output_shape(self, *shapes: Shape) -> Shape:
        """Give that of the kernel."""
        return self.convolution.kernel.shape

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x and dy."""
        op = self.convolution
        (top, _), (left, _) = op.padding
        R, S, C, M = op.kernel.shape
        return kernels.DepthwiseKernelGradient(
            image_shape(shapes[0]), image_shape(shapes[1]), (R, S, C, M), op.strides,
            (top, left), op.dilation,
        )  # fmt: skip


@gradient_of(Depthwise)
def differentiate_depthwise(op: Depthwise, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a depthwise convolution."""
    return Rule(
        (Term(DepthwiseInputGradient(op, shapes[0]), ("dy",)),),
        {"kernel": Term(DepthwiseKernelGradient(op), ("x0", "dy")), "bias": BIAS_GRADIENT},
    )


@packs(Depthwise)
def packing_of_depthwise(op: Depthwise) -> Packing:
    """Pack kernel and bias as they are."""
    return Packing(op.kernel, op.bias, None)


@packs(DepthwiseInputGradient)
def packing_of_input_gradient(op: DepthwiseInputGradient) -> Packing:
    """Pack the turned filters, one channel a group."""
    R, S, C, M = op.convolution.kernel.shape
    return Packing(op.convolution.kernel, None, (R * S, C, 1, M))
