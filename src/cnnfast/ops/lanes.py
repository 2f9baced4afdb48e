"""A chain of operations with one image in each lane of a vector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.convolution import Convolution, kernel_of, window_counts
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import LINEAR, Activate, Activation
from cnnfast.ops.normalization import ScaleShift
from cnnfast.ops.pooling import GlobalPooling, Pooling
from cnnfast.ops.quads import Window, quads_of

# First tap, first weight, number of taps, whether it is the last of its pixel (kernels.h).
Run: TypeAlias = tuple[int, int, int, int]
Integers: TypeAlias = NDArray[np.int32]


class Link(NamedTuple):
    """One operation of a chain, and the shape of its input as it sees it."""

    op: Op
    shape: Shape

    @property
    def output_shape(self) -> Shape:
        """Shape of its output."""
        return self.op.output_shape(self.shape)


@dataclass(frozen=True, eq=False)
class Lanes(Op):
    """Run a chain of operations on as many images side by side as a vector has lanes.

    Args:
        links: the operations in order; each sees the output of the one before in its own shape.
        few: fewer images than this go through the operations' own kernels.
    """

    links: tuple[Link, ...]
    few: int = 0

    def output_shape(self, *shapes: Shape) -> Shape:
        """Give the last operation's."""
        return self.links[-1].output_shape

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        links = [with_windows(link) for link in self.links]
        made = stages_of(links)
        direct = not any(isinstance(stage, _kernels.quads.Quads) for stage in made)
        return _kernels.lanes.Lanes(
            math.prod(shapes[0]),
            made,
            [(alone(link), math.prod(link.output_shape)) for link in links],
            self.few if direct else 0,
        )


def has_stage(link: Link) -> bool:
    """Whether an operation can run with images in the lanes."""
    op = link.op
    if isinstance(op, Convolution):
        return op.groups == 1
    if isinstance(op, Pooling):
        return op.dilation == (1, 1) and all(min(window[2:]) > 0 for window in windows(link))
    if isinstance(op, ScaleShift):
        return op.activation == LINEAR
    return isinstance(op, Dense | GlobalPooling | Activate)


def with_windows(link: Link) -> Link:
    """See global pooling as a window as large as the image."""
    if not isinstance(link.op, GlobalPooling):
        return link
    H, W, _ = link.shape
    return Link(Pooling(link.op.kind, (H, W), (1, 1)), link.shape)


def alone(link: Link) -> Kernel:
    """Prepare an operation for single images, with sums in the order that lanes have."""
    op = link.op
    if isinstance(op, Convolution) and not op.is_pointwise():
        return kernel_of(op, link.shape)
    if isinstance(op, Convolution):
        H, W, _ = link.shape
        return _kernels.dense.Dense(H * W, op.kernel[0, 0], op.bias, op.activation)
    return op.prepare(link.shape)


def stages_of(links: Sequence[Link]) -> list[_kernels.stages.Stage]:
    """Prepare the stages of a chain; a convolution takes with it what can stay in registers."""
    made: list[_kernels.stages.Stage] = []
    position = 0
    while position < len(links):
        stage, count = longest_stage(links[position : position + 3])
        made.append(stage)
        position += count
    return made


def longest_stage(links: Sequence[Link]) -> tuple[_kernels.stages.Stage, int]:
    """Prepare the first operation with what it takes along; return how many these are."""
    for count in range(len(links), 0, -1):
        stage = in_fours(links[:count])
        if stage is not None:
            return stage, count
    if len(links) > 1 and takes_maximum(links[0], links[1]):
        return stage_of(links[0], links[1]), 2
    return stage_of(links[0], None), 1


def in_fours(links: Sequence[Link]) -> _kernels.quads.Quads | None:
    """Prepare a convolution by fours of pixels with all that follows, where that applies."""
    first, *rest = links
    if not isinstance(first.op, Convolution):
        return None
    pooling = rest.pop(0) if rest and takes_maximum(first, rest[0]) else None
    dense = rest.pop(0).op if rest and is_sum(first, rest[0]) else None
    if rest:
        return None
    assert dense is None or isinstance(dense, Dense)
    return quads_of(first.op, first.shape, None if pooling is None else windows(pooling), dense)


def is_sum(link: Link, following: Link) -> bool:
    """Whether an operation makes one number of all that a convolution gives."""
    return (
        isinstance(link.op, Convolution)
        and is_clamp(link.op.activation)
        and isinstance(following.op, Dense)
        and len(following.shape) == following.op.kernel.shape[1] == 1
    )


def takes_maximum(link: Link, following: Link) -> bool:
    """Whether these are a convolution and the maximum of windows of it that do not overlap."""
    return (
        isinstance(link.op, Convolution)
        and is_clamp(link.op.activation)
        and isinstance(following.op, Pooling)
        and following.op.kind == "max"
        and following.shape == link.output_shape
        and (following.output_shape[:2] == (1, 1) or step_over(following.op))
    )


def is_clamp(activation: Activation) -> bool:
    """Whether an activation never falls and is applied in registers."""
    name, slope, highest, threshold = activation
    return name == "linear" or (name == "relu" and slope == threshold == 0 and highest >= 0)


def step_over(op: Pooling) -> bool:
    """Whether windows do not overlap."""
    return all(step >= taps for step, taps in zip(op.strides, op.pool, strict=True))


def stage_of(link: Link, pooling: Link | None) -> _kernels.stages.Stage:
    """Prepare one operation, with the pooling that it takes along."""
    op, shape = link.op, link.shape
    if isinstance(op, Convolution):
        runs, cells = convolution_taps(link, pooling)
        kernel = op.kernel.reshape(-1, op.kernel.shape[-1])
        return _kernels.stages.Sums(runs, cells, kernel, op.bias, op.activation)
    if isinstance(op, Dense):
        runs, cells = row_taps(math.prod(shape[:-1]), shape[-1])
        return _kernels.stages.Sums(runs, cells, op.kernel, op.bias, op.activation)
    if isinstance(op, Pooling):
        found = [(i * shape[1] + j, rows, columns) for i, j, rows, columns in windows(link)]
        return _kernels.stages.Windows(op.kind, integers(found), shape[1], shape[2])
    if isinstance(op, ScaleShift):
        return _kernels.stages.Scales(math.prod(shape[:-1]), op.scale, op.shift)
    assert isinstance(op, Activate)
    return _kernels.stages.Activates(math.prod(shape), op.activation)


def convolution_taps(link: Link, pooling: Link | None) -> tuple[Integers, Integers]:
    """List the runs of taps of a convolution, pixel by pixel, and which pixels go together.

    Returns:
        Runs (any, 4), and for each output pixel its first run and its number of pixels.
    """
    op = link.op
    assert isinstance(op, Convolution)
    P, Q = window_counts(link.shape, op.kernel.shape, op)
    together = [(p, q, 1, 1) for p in range(P) for q in range(Q)]
    if pooling is not None:
        together = windows(pooling)
    runs: list[Run] = []
    cells = []
    for top, left, rows, columns in together:
        cells.append((len(runs), rows * columns))
        for p in range(top, top + rows):
            for q in range(left, left + columns):
                runs += pixel_taps(op, link.shape, p, q)
    return integers(runs), integers(cells)


def pixel_taps(op: Convolution, shape: Shape, p: int, q: int) -> list[Run]:
    """List the runs of taps of one output pixel, leaving out what is outside the image."""
    (_, W, C), (R, S) = shape, op.kernel.shape[:2]
    rows = inside(p * op.strides[0] - op.padding[0][0], R, op.dilation[0], shape[0])
    columns = inside(q * op.strides[1] - op.padding[1][0], S, op.dilation[1], W)
    runs = []
    for r, i in rows:
        if op.dilation[1] == 1 and columns:
            s, j = columns[0]
            runs.append(((i * W + j) * C, (r * S + s) * C, len(columns) * C, 0))
        else:
            runs += [((i * W + j) * C, (r * S + s) * C, C, 0) for s, j in columns]
    x, weight, length, _ = runs[-1] if runs else (0, 0, 0, 0)
    return [*runs[:-1], (x, weight, length, 1)]


def inside(first: int, taps: int, dilation: int, length: int) -> list[tuple[int, int]]:
    """List the taps along one axis that lie in the image, with their places."""
    places = ((tap, first + tap * dilation) for tap in range(taps))
    return [(tap, place) for tap, place in places if 0 <= place < length]


def row_taps(rows: int, depth: int) -> tuple[Integers, Integers]:
    """List the one run of taps of each row of a matrix, as `convolution_taps` does."""
    return (
        integers([(row * depth, 0, depth, 1) for row in range(rows)]),
        integers([(row, 1) for row in range(rows)]),
    )


def windows(link: Link) -> list[Window]:
    """List the part of the image that each place of a pooling window covers."""
    op = link.op
    assert isinstance(op, Pooling)
    sides = [
        [trimmed(place * step - before, taps, length) for place in range(count)]
        for count, step, taps, length, (before, _) in zip(
            op.output_shape(link.shape), op.strides, op.pool, link.shape, op.padding, strict=False
        )
    ]
    return [(i, j, rows, columns) for i, rows in sides[0] for j, columns in sides[1]]


def trimmed(first: int, taps: int, length: int) -> tuple[int, int]:
    """Trim a window to the image: where it begins and how much is left."""
    begin, end = max(first, 0), min(first + taps, length)
    return begin, max(end - begin, 0)


def integers(rows: Sequence[tuple[int, ...]]) -> Integers:
    """Make a table for the kernels."""
    return np.array(rows, np.int32)
