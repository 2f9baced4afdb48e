"""Look-up of rows in a table."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Floats, Op, Shape, constant, set_fields
from cnnfast.ops.dense import dense
from cnnfast.ops.elementwise import Activation


@dataclass(frozen=True, eq=False)
class Embedding(Op):
    """Replace each id by its row: y[..., d] = table[x[...], d].

    Args:
        table: float32, (V, D); ids are 0 to V - 1.
    """

    takes_integers = True

    table: Floats

    def __post_init__(self) -> None:
        set_fields(self, table=constant(self.table, 2, "table"))

    def output_shape(self, *shapes: Shape) -> Shape:
        """(...) -> (..., D)."""
        return (*shapes[0], self.table.shape[1])

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input of ids, as int32 or as float32."""
        return _kernels.embedding.Embedding(math.prod(shapes[0]), self.table, integers)


@dataclass(frozen=True, eq=False)
class EmbeddingConvolution(Op):
    """Embed words and convolve them, as one look-up of products.

    y[q, k] = f(bias[k] + sum over s, d of table[x[q sw + s dw - left], d] kernel[s, d, k])

    Args:
        table: float32, (V, D).
        kernel: float32, (S, D, K).
        bias: float32, (K,), or None.
        stride: sw, places.
        dilation: dw, places.
        padding: (left, right), places that hold no word.
        activation: applied to the result.
    """

    takes_integers = True

    table: Floats
    kernel: Floats
    bias: Floats | None
    stride: int
    dilation: int
    padding: tuple[int, int]
    activation: Activation

    def output_shape(self, *shapes: Shape) -> Shape:
        """(L,) -> (Q, K)."""
        reach = (len(self.kernel) - 1) * self.dilation + 1
        places = (shapes[0][0] + sum(self.padding) - reach) // self.stride + 1
        return (places, self.kernel.shape[2])

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Multiply every word with every tap."""
        S, D, K = self.kernel.shape
        taps = np.ascontiguousarray(self.kernel.transpose(1, 0, 2)).reshape(D, S * K)
        return _kernels.embedding_conv.EmbeddingConvolution(
            shapes[0][0], dense(self.table, taps), S, self.bias, self.stride, self.dilation,
            self.padding, self.activation, integers,
        )  # fmt: skip
