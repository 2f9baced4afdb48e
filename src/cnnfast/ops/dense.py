"""Matrix product over the last axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cnnfast._kernels.dense import Dense as DenseKernel
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Floats, Op, Shape, constant, set_fields
from cnnfast.ops.convolution import check_filters
from cnnfast.ops.elementwise import LINEAR, Activation


@dataclass(frozen=True, eq=False)
class Dense(Op):
    """Multiply by a matrix: y[..., n] = f(bias[n] + sum over c of x[..., c] kernel[c, n]).

    Args:
        kernel: float32, (C, K).
        bias: float32, (K,), or None.
        activation: applied to the result.
    """

    kernel: Floats
    bias: Floats | None = None
    activation: Activation = LINEAR

    def __post_init__(self) -> None:
        kernel = constant(self.kernel, 2, "kernel")
        bias = None if self.bias is None else constant(self.bias, 1, "bias")
        check_filters(kernel.shape[1], bias)
        set_fields(self, kernel=kernel, bias=bias)

    def output_shape(self, *shapes: Shape) -> Shape:
        """(..., C) -> (..., K)."""
        *rest, depth = shapes[0] or (None,)
        if depth != self.kernel.shape[0]:
            raise ValueError(
                f"A kernel of shape {self.kernel.shape} multiplies arrays whose last axis is "
                f"{self.kernel.shape[0]}. Received shape {shapes[0]}."
            )
        return (*rest, self.kernel.shape[1])

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        return DenseKernel(math.prod(shapes[0][:-1]), self.kernel, self.bias, self.activation)
