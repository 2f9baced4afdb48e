"""A chain of operations on images, a few rows at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import Activate
from cnnfast.ops.normalization import ScaleShift
from cnnfast.ops.pooled import PooledConvolution
from cnnfast.ops.pooling import Pooling
from cnnfast.ops.winograd_costs import POINTS, tile_of

# A kernel, what the rows of its groups are, rows of an image, floats in a row, rows held.
Prepared: TypeAlias = tuple[Kernel, tuple[int, int, int, int, int], int, int, int]
# Floats of all line buffers: five eighths of a 1 MB L2. Between a quarter and three quarters little
# changes but that long chains of wide rows, as in Xception, need at least this much.
ROOM: Final = 160 * 1024


class Sight(NamedTuple):
    """Which rows of its input image the output rows of an operation follow from.

    Attributes:
        height: output rows that its kernel makes together.
        descent: input rows from one such group to the next.
        top: rows above the image that the first group sees.
        reach: input rows that a group sees.
    """

    height: int
    descent: int
    top: int
    reach: int


# What does the same to every pixel. Its kernel is prepared for a row, as if that were an image.
PIXELWISE: Final = Sight(1, 1, 0, 1)


class Link(NamedTuple):
    """An operation of a chain, with the shapes before and behind it."""

    op: Op
    shape: Shape
    output_shape: Shape
    sight: Sight


@dataclass(frozen=True, eq=False)
class Strips(Op):
    """Apply operations one after the other, a strip of an image at a time.

    Args:
        ops: each with one input, which is the image that the one before makes.
    """

    ops: tuple[Op, ...]

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) -> (P, Q, K)."""
        shape = shapes[0]
        for op in self.ops:
            shape = op.output_shape(shape)
        return shape

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        links = chain(self.ops, shapes[0])
        if len(links) < len(self.ops):
            kind = type(self.ops[len(links)]).__name__
            raise ValueError(f"{kind} does not make images row by row.")
        strip = tallest_strip(links)
        prepared = [
            prepare(link, rows)
            for link, rows in zip(links, [*rows_held(links, strip), 0], strict=True)
        ]
        return _kernels.strips.Strips(math.prod(shapes[0]), prepared, strip)


def prepare(link: Link, held: int) -> Prepared:
    """Prepare an operation for its place in a chain.

    Args:
        link: the operation.
        held: rows in the line buffer behind it.
    """
    rows, *row = link.output_shape
    height, descent, top, reach = link.sight
    groups = -(-rows // height)
    if link.sight is PIXELWISE:
        kernel = link.op.prepare((1, *link.shape[1:]))
        units = kernel.units
    else:
        kernel = link.op.prepare(link.shape)
        units = kernel.units // groups
    return kernel, (height, units, descent, top, reach), rows, math.prod(row), held


def chain(ops: Sequence[Op], shape: Shape) -> list[Link]:
    """Find the shapes and sights of operations that follow one another.

    Args:
        ops: any number of them.
        shape: of what the first one reads.

    Returns:
        All of them, or those before the first that does not make images row by row.
    """
    links: list[Link] = []
    for op in ops:
        sight = sight_of(op, shape)
        if sight is None:
            break
        links.append(Link(op, shape, op.output_shape(shape), sight))
        shape = links[-1].output_shape
    return links


def sight_of(op: Op, shape: Shape) -> Sight | None:
    """Tell which rows an operation sees; None if it does not make images row by row.

    Args:
        op: any operation.
        shape: of its input.
    """
    pooled = op.pooling.pool[0] if isinstance(op, PooledConvolution) else 1
    op = op.convolution if isinstance(op, PooledConvolution) else op
    if isinstance(op, ScaleShift | Activate):
        return PIXELWISE if len(shape) == 3 else None
    if not isinstance(op, Convolution | Depthwise | Pooling) or getattr(op, "adds", False):
        return None
    if isinstance(op, Convolution) and op.is_pointwise():
        return PIXELWISE
    top, step = op.padding[0][0], op.strides[0]
    if isinstance(op, Convolution) and op.suits_winograd(shape):
        tile = tile_of(op.kernel.shape[0])
        return Sight(tile // pooled, tile, top, POINTS)
    taps = op.pool[0] if isinstance(op, Pooling) else op.kernel.shape[0]
    reach = (taps - 1) * op.dilation[0] + 1
    return Sight(1, pooled * step, top, (pooled - 1) * step + reach)


def rows_held(links: Sequence[Link], strip: int) -> list[int]:
    """Count the rows that the line buffers between the links hold at most.

    Args:
        links: at least one.
        strip: groups of rows that the last one makes together.
    """
    rows: list[int] = []
    groups = strip
    for before, link in zip(links[-2::-1], links[:0:-1], strict=True):
        # They begin and end with whole groups of the rows that are made together.
        seen = (groups - 1) * link.sight.descent + link.sight.reach
        rows.insert(0, seen + 2 * (before.sight.height - 1))
        groups = -(-rows[0] // before.sight.height)
    return rows


def tallest_strip(links: Sequence[Link]) -> int:
    """Choose how many groups of rows the last link makes together.

    Returns:
        As many as the line buffers have room for, or 0.
    """
    groups = -(-links[-1].output_shape[0] // links[-1].sight.height)
    strip = 0
    while strip < groups and room(links, strip + 1) <= ROOM:
        strip += 1
    return strip


def room(links: Sequence[Link], strip: int) -> int:
    """Count the floats of all line buffers."""
    return sum(
        rows * math.prod(link.output_shape[1:])
        for link, rows in zip(links, rows_held(links, strip), strict=False)
    )
