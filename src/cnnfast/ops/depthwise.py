"""Depthwise convolution: every channel of an image has filters of its own."""

from __future__ import annotations

from dataclasses import dataclass

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Floats, Op, Shape, constant, set_fields
from cnnfast.ops.convolution import (
    NO_BORDER,
    Border,
    check_filters,
    check_steps,
    window_counts,
)
from cnnfast.ops.elementwise import LINEAR, Activation


@dataclass(frozen=True, eq=False)
class Depthwise(Op):
    """Cross-correlate each channel of images with its own M filters.

    y[p, q, c M + m] = f(bias[c M + m]
        + sum over r, s of x[p sh + r dh, q sw + s dw, c] kernel[r, s, c, m])

    Args:
        kernel: float32, (R, S, C, M).
        bias: float32, (C M,), or None.
        strides: (sh, sw), pixels.
        padding: zeros around the image.
        dilation: (dh, dw), pixels.
        activation: applied to the result.
    """

    kernel: Floats
    bias: Floats | None = None
    strides: tuple[int, int] = (1, 1)
    padding: Border = NO_BORDER
    dilation: tuple[int, int] = (1, 1)
    activation: Activation = LINEAR

    def __post_init__(self) -> None:
        kernel = constant(self.kernel, 4, "kernel")
        bias = None if self.bias is None else constant(self.bias, 1, "bias")
        check_filters(kernel.shape[2] * kernel.shape[3], bias)
        check_steps(self)
        set_fields(self, kernel=kernel, bias=bias)

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) -> (P, Q, C M)."""
        shape = shapes[0]
        _, _, C, M = self.kernel.shape
        if len(shape) != 3 or shape[2] != C:
            raise ValueError(
                f"A kernel of shape {self.kernel.shape} convolves images (H, W, {C}). "
                f"Received shape {shape}."
            )
        return (*window_counts(shape, self.kernel.shape, self), C * M)

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        H, W, C = shapes[0]
        padding = (*self.padding[0], *self.padding[1])
        return _kernels.depthwise.Depthwise(
            H, W, C, self.kernel, self.bias, self.strides, padding, self.dilation, self.activation
        )
