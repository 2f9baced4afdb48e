"""Convolution of images; a sequence is an image of height 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from cnnfast import _kernels, config
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Floats, Op, Shape, constant, floats, set_fields
from cnnfast.ops.elementwise import LINEAR, Activation
from cnnfast.ops.geometry import padding_amounts, standardize_padding, standardize_tuple
from cnnfast.ops.winograd_costs import sequence_pays, winograd_pays
from cnnfast.threads import thread_count

# ((top, bottom), (left, right)), pixels of zeros around an image; below zero at the bottom or the
# right, pixels there that are left out.
Border: TypeAlias = tuple[tuple[int, int], tuple[int, int]]

NO_BORDER: Border = ((0, 0), (0, 0))

# By taps along either axis. Winograd's sums of 3 x 3 err 2.3 times as much as direct ones at 64
# channels, 3.0 times at 16 and 3.6 times at 5: the fewer terms, the more the transforms' own
# rounding counts. Of 5 x 5 it is 1.5 times at 64 and 1.9 at 16, and fewer channels gain little.
PRECISE_CHANNELS = {3: 32, 5: 16}
# Along sequences it is 2.2 times at 64 and 2.5 at 16, but 3 times for the worst of four neighbours
# from 32 on.
PRECISE_SEQUENCE_CHANNELS = 32


@dataclass(frozen=True, eq=False)
class Convolution(Op):
    """Cross-correlate images with a bank of filters.

    y[p, q, k] = f(bias[k] + sum over r, s, c of x[p sh + r dh, q sw + s dw, c] kernel[r, s, c, k])

    A second input is added to the result before f: the other branch of a residual block.

    Args:
        kernel: float32, (R, S, C // groups, K).
        bias: float32, (K,), or None.
        strides: (sh, sw), pixels.
        padding: zeros around the image.
        dilation: (dh, dw), pixels.
        groups: divides C and K; filter group g sees channel group g.
        activation: applied to the result.
        adds: whether there is a second input, of the output's shape.
        direct: whether sums are computed as written, and weights packed as they are, even where
            Winograd's algorithm is faster.
    """

    kernel: Floats
    bias: Floats | None = None
    strides: tuple[int, int] = (1, 1)
    padding: Border = NO_BORDER
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    activation: Activation = LINEAR
    adds: bool = False
    direct: bool = False

    def __post_init__(self) -> None:
        kernel = constant(self.kernel, 4, "kernel")
        bias = None if self.bias is None else constant(self.bias, 1, "bias")
        check_filters(kernel.shape[3], bias)
        if self.groups < 1 or kernel.shape[3] % self.groups:
            raise ValueError(
                f"`groups` must divide the {kernel.shape[3]} filters. Received {self.groups}."
            )
        check_steps(self)
        set_fields(self, kernel=kernel, bias=bias)

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C), and (P, Q, K) where it is added -> (P, Q, K)."""
        shape = shapes[0]
        if len(shape) != 3 or shape[2] != self.kernel.shape[2] * self.groups:
            raise ValueError(
                f"A kernel of shape {self.kernel.shape} with groups={self.groups} convolves "
                f"images (H, W, {self.kernel.shape[2] * self.groups}). Received shape {shape}."
            )
        output = (*window_counts(shape, self.kernel.shape, self), self.kernel.shape[3])
        if shapes[1:] != (output,) * self.adds:
            raise ValueError(
                f"A convolution with an output of shape {output} adds {int(self.adds)} arrays of "
                f"that shape. Received shapes {shapes[1:]}."
            )
        return output

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input: a 1 x 1 filter is a matrix product over all pixels."""
        H, W, C = shapes[0]
        if self.is_pointwise():
            kernel = self.kernel[0, 0]
            return _kernels.dense.Dense(H * W, kernel, self.bias, self.activation, self.adds)
        if self.suits_winograd(shapes[0]):
            padding = (*self.padding[0], *self.padding[1])
            return _kernels.winograd.Winograd(
                H, W, C, self.kernel, self.bias, padding, self.activation, self.adds
            )
        if self.suits_winograd_sequence(shapes[0]):
            return _kernels.winograd_sequence.WinogradSequence(
                H, W, C, self.kernel, self.bias, self.padding[1], self.dilation[1],
                self.activation, self.adds,
            )  # fmt: skip
        return kernel_of(self, shapes[0])

    def suits_winograd(self, shape: Shape) -> bool:
        """Whether Winograd's algorithm for 3 x 3 or 5 x 5 applies, is allowed, precise and faster.

        Args:
            shape: of the input, (H, W, C).
        """
        P, Q = window_counts(shape, self.kernel.shape, self)
        R, S, C, K = self.kernel.shape
        return (
            R == S
            and R in PRECISE_CHANNELS
            and PRECISE_CHANNELS[R] <= C
            and self.dilation == (1, 1)
            and self._allows_winograd()
            and winograd_pays(P, Q, R, C, K)
        )

    def suits_winograd_sequence(self, shape: Shape) -> bool:
        """Whether the same holds for Winograd's algorithm along rows.

        Args:
            shape: of the input, (H, W, C).
        """
        R, S, C, K = self.kernel.shape
        Q = window_counts(shape, self.kernel.shape, self)[1]
        return (
            R == 1
            and C >= PRECISE_SEQUENCE_CHANNELS
            and self.padding[0] == (0, 0)
            and self._allows_winograd()
            and sequence_pays(Q, S, C, K, self.dilation[1])
        )

    def _allows_winograd(self) -> bool:
        return self.strides == (1, 1) and self.groups == 1 and not self.direct and config.winograd()

    def is_pointwise(self) -> bool:
        """Whether each output pixel depends on the one input pixel at its place."""
        return (
            self.kernel.shape[:2] == (1, 1)
            and self.strides == (1, 1)
            and self.padding == NO_BORDER
            and self.groups == 1
        )


def check_filters(filters: int, bias: Floats | None) -> None:
    """Check that a bias has one element per filter."""
    if bias is not None and bias.shape != (filters,):
        raise ValueError(f"`bias` must have shape ({filters},). Received shape {bias.shape}.")


class Sliding(Protocol):
    """An operation that slides a window over a bordered image."""

    @property
    def strides(self) -> tuple[int, int]:
        """Pixels from one place of the window to the next."""

    @property
    def dilation(self) -> tuple[int, int]:
        """Pixels from one tap of the window to the next."""

    @property
    def padding(self) -> Border:
        """Pixels around the image."""


def check_steps(op: Sliding) -> None:
    """Check that a window moves forward, from the first pixel or before it.

    Raises:
        ValueError: a step is less than 1, or a border at the top or left less than 0.
    """
    (top, _), (left, _) = op.padding
    if min(*op.strides, *op.dilation) < 1 or min(top, left) < 0:
        raise ValueError(
            "`strides` and `dilation` must be at least 1, `padding` at least 0 at the top and "
            "left. Received "
            f"strides={op.strides}, dilation={op.dilation}, padding={op.padding}."
        )


def window_counts(shape: Shape, window: Shape, op: Sliding) -> tuple[int, int]:
    """Count the places of a window along both axes of a bordered image.

    Raises:
        ValueError: the window does not fit at all.
    """
    counts = tuple(
        (n + before + after - (k - 1) * d - 1) // s + 1
        for n, k, s, d, (before, after) in zip(
            shape[:2], window[:2], op.strides, op.dilation, op.padding, strict=True
        )
    )
    if min(counts) < 1:
        raise ValueError(
            "Computed output size would be zero or negative: a window of "
            f"{window[0]} x {window[1]} with dilation {op.dilation} does not fit an image of "
            f"{shape[0]} x {shape[1]} with padding {op.padding}."
        )
    return counts[0], counts[1]


def conv2d(
    inputs: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    strides: int | tuple[int, int] = 1,
    padding: str = "valid",
    dilation_rate: int | tuple[int, int] = 1,
    groups: int = 1,
    activation: Activation = LINEAR,
) -> Floats:
    """Cross-correlate images with a bank of filters.

    outputs[n, p, q, k] = f(bias[k]
        + sum over r, s, c of inputs[n, p sh + r dh, q sw + s dw, c] kernel[r, s, c, k])

    Args:
        inputs: real numbers, (N, H, W, C).
        kernel: real numbers, (R, S, C // groups, K).
        bias: real numbers, (K,), or None.
        strides: int or (sh, sw), pixels.
        padding: "valid" (none) or "same" (output of ceil(H / sh) by ceil(W / sw); an odd pixel
            of padding goes to the bottom and right).
        dilation_rate: int or (dh, dw), pixels.
        groups: divides C and K.
        activation: name and parameters of an activation kernel.

    Returns:
        float32, (N, P, Q, K). New array.

    Raises:
        TypeError: an argument holds no real numbers.
        ValueError: shapes do not fit each other, or an option is out of range.

    Threads: bit-identical for any number of them.
    """
    x, weights = floats(inputs, "inputs"), constant(kernel, 4, "kernel")
    if x.ndim != 4:
        raise ValueError(f"`inputs` must have shape (N, H, W, C). Received shape {x.shape}.")
    steps = standardize_tuple(strides, 2, "strides")
    rates = standardize_tuple(dilation_rate, 2, "dilation_rate")
    mode = standardize_padding(padding, ("valid", "same"), "padding")
    top_bottom, left_right = (
        padding_amounts(x.shape[1 + i], weights.shape[i], steps[i], rates[i], mode)
        for i in range(2)
    )
    op = Convolution(
        weights, None if bias is None else floats(bias, "bias"), (steps[0], steps[1]),
        (top_bottom, left_right), (rates[0], rates[1]), groups, activation,
    )  # fmt: skip
    outputs = np.empty((len(x), *op.output_shape(x.shape[1:])), np.float32)
    kernel_of(op, x.shape[1:]).run(x, outputs, thread_count())
    return outputs


def kernel_of(
    op: Convolution, shape: Shape, pool: tuple[int, int] = (1, 1)
) -> _kernels.conv.Convolution:
    """Prepare the general kernel, even where a matrix product would do.

    Args:
        op: what to do.
        shape: of the input, (H, W, C).
        pool: max pooling behind it, pixels.
    """
    H, W, C = shape
    padding = (*op.padding[0], *op.padding[1])
    return _kernels.conv.Convolution(
        H, W, C, op.kernel, op.bias, op.strides, padding, op.dilation, op.groups, op.activation,
        op.adds, pool,
    )  # fmt: skip
