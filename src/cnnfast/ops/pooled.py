"""A convolution and the pooling behind it, done together: most outputs never leave registers."""

from __future__ import annotations

from dataclasses import dataclass

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.convolution import NO_BORDER, Convolution, kernel_of
from cnnfast.ops.elementwise import LINEAR, Activation
from cnnfast.ops.pooling import Pooling

# Windows that the tile of the direct kernel takes whole: four pixels in two pairs.
WINDOWS = ((2, 2), (1, 4))


@dataclass(frozen=True, eq=False)
class PooledConvolution(Op):
    """Pool what a convolution gives.

    Args:
        convolution: with one input.
        pooling: as `can_pool` allows it for the input at hand.
    """

    convolution: Convolution
    pooling: Pooling

    @property
    def activation(self) -> Activation:
        """What is applied before pooling."""
        return self.convolution.activation

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) -> (P, Q, K)."""
        return self.pooling.output_shape(self.convolution.output_shape(*shapes))

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        op = self.convolution
        if not op.suits_winograd(shapes[0]):
            return kernel_of(op, shapes[0], self.pooling.pool)
        H, W, C = shapes[0]
        padding, kind = (*op.padding[0], *op.padding[1]), self.pooling.kind
        return _kernels.winograd.Winograd(
            H, W, C, op.kernel, op.bias, padding, op.activation, pooling=kind
        )


def can_pool(convolution: Convolution, pooling: Pooling, shape: Shape) -> bool:
    """Tell whether a kernel pools what it computes: windows side by side, behind a clamp at most.

    Args:
        convolution: what comes first.
        pooling: what comes behind it.
        shape: of the convolution's input, (H, W, C).
    """
    if (
        convolution.adds
        or convolution.is_pointwise()
        or not is_clamp(convolution.activation)
        or pooling.pool != pooling.strides
        or pooling.padding != NO_BORDER
        or pooling.dilation != (1, 1)
    ):
        return False
    if convolution.suits_winograd(shape):
        return pooling.pool == (2, 2)
    if convolution.suits_winograd_sequence(shape):
        return False
    return pooling.kind == "max" and pooling.pool in WINDOWS


def is_clamp(activation: Activation) -> bool:
    """Tell whether an activation is done in the registers of a convolution."""
    name, slope, highest, threshold = activation
    return name == LINEAR[0] or (name == "relu" and slope == threshold == 0.0 and highest >= 0.0)
