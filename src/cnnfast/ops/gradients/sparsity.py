"""When it pays to pass on only what is not zero of a convolution's gradient.

Max pooling gives each window's gradient to one of its pixels. The kernels that list these
(`_kernels/sparse_gradient.pyx`) multiply less, but pay for lists, copies and sums. Times are
estimated in multiply-adds of whole vectors, which take a cycle each with AVX-512; figures were
measured on Zen 4 and describe all instruction sets well enough.
"""

from __future__ import annotations

from typing import Final

from cnnfast import config
from cnnfast._kernels import dispatch
from cnnfast.ops.base import Shape
from cnnfast.ops.convolution import (
    PRECISE_CHANNELS,
    PRECISE_SEQUENCE_CHANNELS,
    Convolution,
    window_counts,
)
from cnnfast.ops.winograd_costs import TILE, points_of, sequence_time, winograd_pays

# An advantage below this is not worth different sums.
ADVANTAGE: Final = 1.15
# Of the peak that dense kernels reach.
DENSE_RATE: Final = 0.93
# Of that time, what Winograd's algorithm takes for the gradient of filters with tiles that are all
# in use, 4 x 4 pixels each; of a vector of filters, what it takes to turn its sums into taps; and,
# of a product, what one with its part of the transforms takes as a forward pass, for the gradient
# of the input.
WINOGRAD_KERNEL: Final = 0.34
TURNING: Final = 10.0
WINOGRAD_PRODUCT: Final = 1.2
# Of an entry: to list it; and, in each tile, to fetch it and to wait for the one before.
LISTING: Final = 7.0
FETCHING: Final = 2.0
LATENCY: Final = 5.0
# Of a vector of gradients to look for entries in, of sums to load and store, and to turn into the
# output, once for the images of a group.
SEARCHING: Final = 2.0
SUMMING: Final = 3.0
FINISHING: Final = 0.7
# Of a pixel in each slice of dx and row of taps, where entries end unpredictably.
MOVING: Final = 25.0
# Weights in a row of taps that a slice of dx needs stay in L1 up to so many.
L1_FLOATS: Final = 7 * 1024
# As in kernels.h and kernels.inc: the most taps in a tile, vectors in a slice, and accumulators,
# with 32 registers and with 16.
MOST_TAPS: Final = 9
WIDEST: Final = 4
MOST_SUMS: Final = (28, 14)
ROWS_OF_MANY_REGISTERS: Final = 8
# Lists of more values than this, 1 MB, would not stay in L2.
MOST_VALUES: Final = 128 * 1024


def sparse_kernel_pays(op: Convolution, shape: Shape, density: float) -> bool:
    """Tell whether the gradient of the filters is faster to sum up from what is not zero.

    Args:
        op: of the forward pass.
        shape: of its input, (H, W, C).
        density: the part of the output's gradient that is not zero.
    """
    if density >= 1 or op.groups != 1:
        return False
    (P, Q), (R, S, C, K) = window_counts(shape, op.kernel.shape, op), op.kernel.shape
    vectors, taps = _vectors(C), R * S
    parts = -(-taps // MOST_TAPS)
    slices = -(-vectors // _width(-(-taps // parts), vectors))
    cost: float = density * P * Q * K * (LISTING + taps * vectors + FETCHING * parts * slices)
    cost += SEARCHING * (P * Q * _vectors(K) + shape[0] * shape[1] * vectors)
    cost += (SUMMING + FINISHING) * K * taps * vectors
    dense: float = P * Q * taps * C * _vectors(K) / DENSE_RATE
    if kernel_suits_winograd(op, shape):
        tiles = -(-P // TILE) * -(-Q // TILE)
        dense *= WINOGRAD_KERNEL * tiles * TILE**2 / (P * Q)
        dense += TURNING * taps * C * _vectors(K)
    return ADVANTAGE * cost < dense


def sparse_input_pays(op: Convolution, shape: Shape, density: float) -> bool:
    """Tell whether the gradient of the input is faster to make from what is not zero.

    Args:
        op: of the forward pass.
        shape: of its input, (H, W, C).
        density: the part of the output's gradient that is not zero.
    """
    (H, W, C), (R, S, _, K) = shape, op.kernel.shape
    (P, Q), lanes = window_counts(shape, op.kernel.shape, op), dispatch.lanes()
    suits = op.groups == 1 and op.strides[1] == op.dilation[1] == 1 and C % lanes == 0
    room = L1_FLOATS // (K * S * lanes)
    if density >= 1 or not suits or S > MOST_TAPS or room == 0 or P * Q * K > MOST_VALUES:
        return False
    width = _width(S, min(room, C // lanes))
    rows = R * -(-C // (lanes * width))
    entry = LISTING + rows * max(S * width + FETCHING, LATENCY)
    cost: float = density * P * Q * K * entry
    cost += SEARCHING * P * Q * _vectors(K) + MOVING * rows * P * (Q + S)
    dense: float = H * W * R * S * K * _vectors(C) / DENSE_RATE
    if _back_suits_winograd(op, shape):
        dense *= WINOGRAD_PRODUCT * points_of(H, R) * points_of(W, S) / (R * S * H * W)
    elif R == 1 and K >= PRECISE_SEQUENCE_CHANNELS and _back_allows_winograd(op):
        dense *= min(1.0, sequence_time(W, S, K, C, 1))
    return ADVANTAGE * cost < dense


def _width(taps: int, vectors: int) -> int:
    """Count the vectors of the widest slice that there is a tile for: 1, 2 or 4."""
    most = MOST_SUMS[dispatch.gemm_rows() < ROWS_OF_MANY_REGISTERS] // taps
    width = WIDEST
    while width > min(most, vectors):
        width //= 2
    return max(width, 1)


def kernel_suits_winograd(op: Convolution, shape: Shape) -> bool:
    """Tell whether the gradient of the filters takes Winograd's algorithm if it is dense.

    Its kernel is there for 3 x 3 filters only.

    Args:
        op: of the forward pass.
        shape: of its input, (H, W, C).
    """
    return op.kernel.shape[0] == 3 and op.suits_winograd(shape)


def _back_suits_winograd(op: Convolution, shape: Shape) -> bool:
    """Tell whether the gradient of the input is a convolution by Winograd's algorithm."""
    (H, W, C), (R, S, _, K) = shape, op.kernel.shape
    return (
        R == S
        and R in PRECISE_CHANNELS
        and PRECISE_CHANNELS[R] <= K
        and op.dilation == (1, 1)
        and _back_allows_winograd(op)
        and winograd_pays(H, W, R, K, C)
    )


def _back_allows_winograd(op: Convolution) -> bool:
    return op.strides == (1, 1) and config.winograd()


def _vectors(floats: int) -> int:
    return -(-floats // dispatch.lanes())
