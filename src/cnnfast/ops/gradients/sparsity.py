"""When it pays to pass on only what is not zero of a convolution's gradient.

Max pooling gives each window's gradient to one of its pixels. The kernels that list these
(`_kernels/sparse_gradient.pyx`) multiply less, but pay for lists, copies and sums. Times are
estimated in multiply-adds of whole vectors, which take a cycle each with AVX-512; figures were
measured on Zen 4 and describe all instruction sets well enough.
"""

from __future__ import annotations

from typing import Final

from cnnfast._kernels import dispatch
from cnnfast.ops.base import Shape
from cnnfast.ops.convolution import Convolution, window_counts

# An advantage below this is not worth different sums.
ADVANTAGE: Final = 1.15
# Of the peak that dense kernels reach; Winograd's takes 40 to 53 % of their time.
DENSE_RATE: Final = 0.93
WINOGRAD_TIME: Final = 0.45
# Of an entry: to list it, and to broadcast it for each slice; and loads beside multiply-adds.
LISTING: Final = 7.0
LOADING: Final = 1.1
# Of a vector of gradients to look for entries in, of sums to load and store, and to turn into the
# output, once for the images of a group.
SEARCHING: Final = 2.0
SUMMING: Final = 3.0
FINISHING: Final = 0.7
# Of a pixel, in each slice of some 2 vectors, where lists of entries end unpredictably.
MOVING: Final = 25.0
SLICE: Final = 2
# Filters that reach this many floats in a slice of one vector stay in L1.
L1_FLOATS: Final = 7 * 1024
# SPARSE_TAPS of kernels.h.
MOST_TAPS: Final = 9


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
    entries = density * P * Q * K
    cost: float = entries * (LISTING + LOADING * taps * vectors) + SEARCHING * P * Q * _vectors(K)
    cost += (SUMMING + FINISHING) * K * taps * vectors + SEARCHING * shape[0] * shape[1] * vectors
    dense: float = P * Q * taps * C * _vectors(K) / DENSE_RATE
    if op.suits_winograd(shape):
        dense *= WINOGRAD_TIME
    return ADVANTAGE * cost < dense


def sparse_input_pays(op: Convolution, shape: Shape, density: float) -> bool:
    """Tell whether the gradient of the input is faster to make from what is not zero.

    Args:
        op: of the forward pass.
        shape: of its input, (H, W, C).
        density: the part of the output's gradient that is not zero.
    """
    (P, Q), (R, S, C, K) = window_counts(shape, op.kernel.shape, op), op.kernel.shape
    lanes = dispatch.lanes()
    suits = (
        R == op.groups == 1
        and op.strides == op.dilation == (1, 1)
        and op.padding[0] == (0, 0)
        and 1 < S <= MOST_TAPS
        and C % lanes == 0
        and K * S * lanes <= L1_FLOATS
    )
    if density >= 1 or not suits:
        return False
    entries, vectors = density * P * Q * K, _vectors(C)
    cost: float = entries * (LISTING + LOADING * S * vectors) + SEARCHING * P * Q * _vectors(K)
    cost += MOVING * P * (Q + S) * -(-vectors // SLICE)
    dense: float = P * shape[1] * S * K * vectors / DENSE_RATE
    return ADVANTAGE * cost < dense


def _vectors(floats: int) -> int:
    return -(-floats // dispatch.lanes())
