"""A depthwise convolution with the pixelwise ones before and behind it, as one operation."""

from __future__ import annotations

from dataclasses import dataclass

from cnnfast._kernels.separable import Separable as SeparableKernel
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.depthwise import Depthwise


@dataclass(frozen=True, eq=False)
class Separable(Op):
    """Expand pixels, filter each channel, project pixels, a few rows of an image at a time.

    Args:
        expansion: a convolution of 1 x 1, or None.
        depthwise: what reads it.
        projection: a convolution of 1 x 1 that reads that, or None.
    """

    expansion: Convolution | None
    depthwise: Depthwise
    projection: Convolution | None = None

    def __post_init__(self) -> None:
        for op in (self.expansion, self.projection):
            if op is not None and (op.adds or not op.is_pointwise()):
                raise ValueError(
                    "`expansion` and `projection` must be convolutions of 1 x 1 with no stride "
                    f"and one input. Received a kernel of shape {op.kernel.shape}, "
                    f"strides={op.strides}, adds={op.adds}."
                )

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) -> (P, Q, K)."""
        shape = self.filtered_shape(shapes[0])
        return shape if self.projection is None else self.projection.output_shape(shape)

    def filtered_shape(self, shape: Shape) -> Shape:
        """Give the shape between the depthwise convolution and the projection."""
        if self.expansion is not None:
            shape = self.expansion.output_shape(shape)
        return self.depthwise.output_shape(shape)

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        first, last, depthwise = self.expansion, self.projection, self.depthwise
        H, W, C = shapes[0]
        return SeparableKernel(
            H, W, C,
            None if first is None else (first.kernel[0, 0], first.bias, first.activation),
            (depthwise.kernel, depthwise.bias, depthwise.strides,
             (*depthwise.padding[0], *depthwise.padding[1]), depthwise.dilation,
             depthwise.activation),
            None if last is None else last.prepare(self.filtered_shape(shapes[0])),
            self.output_shape(shapes[0])[2],
        )  # fmt: skip
