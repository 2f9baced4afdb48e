"""Convolutions with images in the lanes, four neighbouring pixels at a time: when, and how.

The method and its products stand in `_kernels/micro/quad.h`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cnnfast import _kernels, config
from cnnfast.ops.base import Floats, Shape
from cnnfast.ops.convolution import Convolution, window_counts
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import LINEAR

Doubles: TypeAlias = NDArray[np.float64]
# First row, first column, rows and columns that the maximum is taken of.
Window: TypeAlias = tuple[int, int, int, int]

# Columns of a kernel that there are micro-kernels for.
TAPS: Final = (3, 4, 5, 6)
# Making differences costs as much as four filters save: 1.03 of the direct time with 4 filters of
# 3 taps, 0.88 with 8.
FEWEST_FILTERS: Final = 8


class Place(NamedTuple):
    """Four pixels of a row: the first output, their row and first column, whether they join."""

    output: int
    row: int
    column: int
    join: bool


def quads_of(
    op: Convolution, shape: Shape, windows: Sequence[Window] | None, dense: Dense | None
) -> _kernels.quads.Quads | None:
    """Prepare a convolution by fours, with what comes behind it, where that applies.

    Args:
        op: the convolution.
        shape: of its input, (H, W, C).
        windows: parts of its output that only the maximum of is wanted, row by row; or None.
        dense: makes one number of all that, if that is all that is wanted of it.
    """
    taps = op.kernel.shape[1]
    P, Q = window_counts(shape, op.kernel.shape, op)
    if windows is None:
        windows = [(p, q, 1, 1) for p in range(P) for q in range(Q)]
    together = neighbours(windows)
    if together == 0 or not suits(op):
        return None
    places = places_of(windows, together)
    if dense is not None and len(places) * (4 // together) != len(windows):
        return None
    table = [
        (
            place.output,
            place.row * op.strides[0],
            place.column - op.padding[1][0],
            place.join,
        )
        for place in places
    ]
    return _kernels.quads.Quads(
        np.array(table, np.int32),
        taps,
        shape[1],
        together,
        weights_of(op.kernel, op.bias),
        len(windows),
        op.activation,
        None if dense is None else dense.kernel[:, 0],
        0.0 if dense is None or dense.bias is None else float(dense.bias[0]),
        LINEAR if dense is None else dense.activation,
    )


def suits(op: Convolution) -> bool:
    """Whether the method applies to a convolution, is allowed and pays."""
    R, S, C, K = op.kernel.shape
    return (
        S in TAPS
        and R == C == op.groups == op.strides[1] == op.dilation[1] == 1
        and op.padding[0] == (0, 0)
        and K >= FEWEST_FILTERS
        and (op.activation[0] != "relu" or op.activation[2] == math.inf)
        and config.winograd()
        and bool(np.isfinite(op.kernel).all())
    )


def neighbours(windows: Sequence[Window]) -> int:
    """Return of how many pixels of four each maximum is taken: 1, 2, 4, or 0 if it does not fit.

    Args:
        windows: parts of the output, row by row.
    """
    if all(columns >= 4 for _, _, _, columns in windows):
        return 4
    rows, columns = windows[0][2:]
    if columns > 2 or (columns == 1 and rows > 1):
        return 0
    for row in rows_of(windows):
        first = windows[row[0]][1]
        expected = [(first + columns * i, columns) for i in range(len(row))]
        if len(row) < 4 // columns or [windows[i][1::2] for i in row] != expected:
            return 0
    return columns


def rows_of(windows: Sequence[Window]) -> list[list[int]]:
    """List which windows begin in the same row."""
    rows: dict[int, list[int]] = {}
    for i, window in enumerate(windows):
        rows.setdefault(window[0], []).append(i)
    return list(rows.values())


def places_of(windows: Sequence[Window], together: int) -> list[Place]:
    """List the fours that windows are made of; the last of a row may repeat pixels.

    Args:
        windows: parts of the output, row by row.
        together: 4 where each window is larger than a four; else its columns.
    """
    if together == 4:
        return [
            Place(i, p, q, (p, q) != (top, left))
            for i, (top, left, rows, columns) in enumerate(windows)
            for p in range(top, top + rows)
            for q in starts(left, columns, 4)
        ]
    return [
        Place(i, p, windows[i][1], p > windows[i][0])
        for row in rows_of(windows)
        for i in starts(row[0], len(row), 4 // together)
        for p in range(windows[i][0], windows[i][0] + windows[i][2])
    ]


def starts(first: int, count: int, step: int) -> list[int]:
    """Cover `count` places from `first` on with pieces of `step`."""
    return [*range(first, first + count - step, step), first + count - step]


def weights_of(kernel: Floats, bias: Floats | None) -> Floats:
    """Turn a kernel into the weights of the products.

    Args:
        kernel: (1, S, 1, K).
        bias: (K,), or None.

    Returns:
        (K, 1 + products): bias, then those of each product.
    """
    taps = kernel[0, :, 0].astype(np.float64)
    even, odd = taps[0::2], taps[1::2]
    common = even.copy()
    common[: len(odd)] += odd
    pairs = [pair_weights(half) for half in (common, even, odd)]
    products = [product for kind in zip(*pairs, strict=True) for pair in kind for product in pair]
    first = np.zeros(taps.shape[1]) if bias is None else bias
    return np.ascontiguousarray(np.stack([first, *products], axis=1), np.float32)


def pair_weights(taps: Doubles) -> tuple[list[Doubles], list[Doubles]]:
    """Give the weights of a pair of sums: of products of both, and of one for each.

    Args:
        taps: (1 to 3, K).
    """
    h = list(taps)
    if len(h) == 1:
        return [], [h[0], h[0]]
    if len(h) == 2:
        return [h[0] + h[1]], [h[0], h[1]]
    return [(h[0] + h[1] + h[2]) / 2, (h[0] - h[1] + h[2]) / 2], [h[0], h[2]]
