"""Pooling of images; a sequence is an image of height 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from cnnfast import _kernels
from cnnfast.ops.base import Floats, Op, Shape, floats
from cnnfast.ops.convolution import NO_BORDER, Border, window_counts
from cnnfast.ops.geometry import padding_amounts, standardize_padding, standardize_tuple
from cnnfast.threads import thread_count

Kind: TypeAlias = Literal["max", "average"]


@dataclass(frozen=True, eq=False)
class Pooling(Op):
    """Take the maximum or the mean of each window; padding takes no part in either.

    Args:
        kind: "max" or "average".
        pool: (R, S), pixels.
        strides: (sh, sw), pixels.
        padding: pixels around the image that belong to windows but hold nothing.
    """

    kind: Kind
    pool: tuple[int, int]
    strides: tuple[int, int]
    padding: Border = NO_BORDER
    dilation: tuple[int, int] = (1, 1)

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) -> (P, Q, C)."""
        if len(shapes[0]) != 3:
            raise ValueError(f"Pooling takes images (H, W, C). Received shape {shapes[0]}.")
        return (*window_counts(shapes[0], self.pool, self), shapes[0][2])

    def prepare(self, *shapes: Shape, integers: bool = False) -> _kernels.pool.Pooling:
        """Prepare for one input."""
        H, W, C = shapes[0]
        padding = (*self.padding[0], *self.padding[1])
        return _kernels.pool.Pooling(self.kind, H, W, C, self.pool, self.strides, padding)


@dataclass(frozen=True, eq=False)
class GlobalPooling(Op):
    """Take the maximum or the mean of all pixels of each channel."""

    kind: Kind

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) -> (C,)."""
        if len(shapes[0]) != 3 or 0 in shapes[0]:
            raise ValueError(f"Pooling takes images (H, W, C). Received shape {shapes[0]}.")
        return shapes[0][2:]

    def prepare(self, *shapes: Shape, integers: bool = False) -> _kernels.pool.GlobalPooling:
        """Prepare for one input."""
        H, W, C = shapes[0]
        return _kernels.pool.GlobalPooling(self.kind, H * W, C)


def pool2d(
    inputs: ArrayLike,
    pool_size: int | tuple[int, int],
    kind: Kind = "max",
    *,
    strides: int | tuple[int, int] | None = None,
    padding: str = "valid",
) -> Floats:
    """Take the maximum or the mean of each window of images.

    Args:
        inputs: real numbers, (N, H, W, C).
        pool_size: int or (R, S), pixels.
        kind: "max" or "average"; padding takes no part in either.
        strides: int or (sh, sw), pixels; None for pool_size.
        padding: "valid" (a rest is dropped) or "same" (output of ceil(H / sh) by ceil(W / sw)).

    Returns:
        float32, (N, P, Q, C). New array.

    Raises:
        TypeError: the inputs are no real numbers.
        ValueError: the window does not fit, or an option is out of range.

    Threads: bit-identical for any number of them.
    """
    x = floats(inputs, "inputs")
    if x.ndim != 4:
        raise ValueError(f"`inputs` must have shape (N, H, W, C). Received shape {x.shape}.")
    pool = standardize_tuple(pool_size, 2, "pool_size")
    steps = pool if strides is None else standardize_tuple(strides, 2, "strides")
    mode = standardize_padding(padding, ("valid", "same"), "padding")
    top_bottom, left_right = (
        padding_amounts(x.shape[1 + i], pool[i], steps[i], 1, mode) for i in range(2)
    )
    op = Pooling(kind, (pool[0], pool[1]), (steps[0], steps[1]), (top_bottom, left_right))
    outputs = np.empty((len(x), *op.output_shape(x.shape[1:])), np.float32)
    op.prepare(x.shape[1:]).run(x, outputs, thread_count())
    return outputs
