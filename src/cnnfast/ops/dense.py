"""Matrix product over the last axis."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Floats, Op, Shape, constant, floats, set_fields
from cnnfast.ops.convolution import check_filters
from cnnfast.ops.elementwise import LINEAR, Activation
from cnnfast.threads import thread_count


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
        return _kernels.dense.Dense(
            math.prod(shapes[0][:-1]), self.kernel, self.bias, self.activation
        )


def unpacked(kernel: _kernels.dense.Dense) -> Floats:
    """Give the matrix that a kernel was prepared with.

    Args:
        kernel: of `Dense.prepare`.

    Returns:
        float32, (C, K). New array.
    """
    matrix = np.empty(kernel.shape, np.float32)
    kernel.unpack(matrix)
    return matrix


def dense(
    inputs: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    activation: Activation = LINEAR,
) -> Floats:
    """Multiply the last axis of an array by a matrix.

    outputs[..., n] = f(bias[n] + sum over c of inputs[..., c] kernel[c, n])

    Args:
        inputs: real numbers, (..., C).
        kernel: real numbers, (C, K).
        bias: real numbers, (K,), or None.
        activation: name and parameters of an activation kernel.

    Returns:
        float32, (..., K). New array.

    Raises:
        TypeError: an argument holds no real numbers.
        ValueError: shapes do not fit each other.

    Threads: bit-identical for any number of them.
    """
    x = floats(inputs, "inputs")
    op = Dense(floats(kernel, "kernel"), None if bias is None else floats(bias, "bias"), activation)
    outputs = np.empty(op.output_shape(x.shape), np.float32)
    rows, depth, columns = math.prod(x.shape[:-1]), *op.kernel.shape
    _kernels.dense.Dense(rows, op.kernel, op.bias, activation).run(
        x.reshape(rows, depth), outputs.reshape(rows, columns), thread_count()
    )
    return outputs
