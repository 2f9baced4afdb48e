"""Where Winograd's algorithm is worth its transforms."""

from __future__ import annotations

from typing import Final

from cnnfast._kernels import dispatch

# Time per tile over that of as many products in the direct kernel, measured by taps along an axis
# and instruction set: the products themselves, and what transforms cost beside them: the inputs' is
# shared by filters, the outputs' by channels, and a little by both. (None measured on NEON: the
# other 4 lanes'.)
COSTS: Final = {
    3: {
        "avx512": (1.02, 5.0, 7.5, 60.0),
        "avx2": (1.02, 5.0, 10.0, 20.0),
        "neon": (1.06, 0.0, 7.5, 65.0),
        "base": (1.06, 0.0, 7.5, 65.0),
    },
    5: {
        "avx512": (1.12, 4.9, 3.9, 0.0),
        "avx2": (1.09, 5.2, 4.3, 0.0),
        "neon": (1.06, 4.7, 5.8, 0.0),
        "base": (1.06, 4.7, 5.8, 0.0),
    },
}
# The same along sequences, in products of a channel and a filter at one point: those products, and
# a tile's transforms of inputs and outputs.
SEQUENCE_COSTS: Final = {
    "avx512": (1.03, 22.5, 40.0),
    "avx2": (1.06, 22.5, 63.0),
    "neon": (1.06, 22.5, 63.0),
    "base": (1.06, 22.5, 63.0),
}
# How much faster it must be than the direct kernel to be worth its rounding.
ADVANTAGE: Final = 1.05
# Points of a whole tile along one axis, and so input pixels.
POINTS: Final = 6
# Outputs of a whole tile of a sequence.
TILE: Final = 4


def winograd_pays(P: int, Q: int, taps: int, C: int, K: int) -> bool:
    """Tell whether this beats the direct kernel by 5 %; arguments as for `winograd_time`."""
    return ADVANTAGE * winograd_time(P, Q, taps, C, K) <= 1


def winograd_time(P: int, Q: int, taps: int, C: int, K: int) -> float:
    """Estimate the time of Winograd's algorithm over that of the direct kernel.

    time = P' Q' (products + inputs / K' + outputs / C + both / (C K')) / (taps^2 P Q), where P'
    and Q' are points and K' is K in whole vectors

    Args:
        P: output rows.
        Q: output columns.
        taps: along either axis, 3 or 5.
        C: channels.
        K: filters.
    """
    products, inputs, outputs, both = COSTS[taps][dispatch.active()]
    lanes = dispatch.lanes()
    filters = -(-K // lanes) * lanes
    cost = products + inputs / filters + outputs / C + both / (C * filters)
    return cost * points_of(P, taps) * points_of(Q, taps) / (taps**2 * P * Q)


def sequence_pays(Q: int, S: int, C: int, K: int, dilation: int) -> bool:
    """Tell whether this beats the direct kernel by 5 %; arguments as for `sequence_time`."""
    return ADVANTAGE * sequence_time(Q, S, C, K, dilation) <= 1


def sequence_time(Q: int, S: int, C: int, K: int, dilation: int) -> float:
    """Estimate the time of Winograd's algorithm along rows over that of the direct kernel.

    time = ((tiles + d (groups - 1)) (products + inputs / K') + tiles outputs / C) / (Q S), where
    products are those of a tile

    Args:
        Q: outputs of a row.
        S: taps.
        C: channels.
        K: filters.
        dilation: pixels from one tap to the next, d.
    """
    product, inputs, outputs = SEQUENCE_COSTS[dispatch.active()]
    lanes = dispatch.lanes()
    filters = -(-K // lanes) * lanes
    tiles = sequence_tiles(Q, dilation)
    transformed = tiles + dilation * (-(-S // TILE) - 1)
    cost = transformed * (product * sequence_products(S) + inputs / filters)
    return (cost + tiles * outputs / C) / (Q * S)


def sequence_tiles(Q: int, dilation: int) -> int:
    """Count the tiles of a row, of as many sequences as the dilation.

    Args:
        Q: outputs of a row.
        dilation: pixels from one tap to the next.
    """
    return dilation * -(-Q // (dilation * TILE))


def sequence_products(S: int) -> int:
    """Count the products of four neighbouring outputs, of a channel and a filter.

    Args:
        S: taps.
    """
    return 6 * -(-S // TILE) + S // TILE


def points_of(outputs: int, taps: int) -> int:
    """Count the points of all tiles along an axis: as many more than outputs as taps meet pixels.

    Args:
        outputs: along the axis.
        taps: likewise.
    """
    return outputs + (taps - 1) * -(-outputs // tile_of(taps))


def tile_of(taps: int) -> int:
    """Count the outputs of a whole tile along an axis.

    Args:
        taps: along the axis.
    """
    return POINTS + 1 - taps
