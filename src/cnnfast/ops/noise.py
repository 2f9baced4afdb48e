"""Random numbers that layers draw in training.

They follow from counters, three for each image: its place in the batch, the step, and the run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.normalization import Gate

# Shape of an image's counters.
COUNTERS: Final[Shape] = (3,)


@dataclass(frozen=True)
class Stream:
    """Which numbers a layer draws.

    Args:
        key: of the layer, below 2^64.
        ignores_image: whether all images of a batch draw the same.
        ignores_run: whether every run draws the same.
    """

    key: int
    ignores_image: bool = False
    ignores_run: bool = False


@dataclass(frozen=True, eq=False)
class Drop(Op):
    """Replace a random share of the elements: y = x scale + shift, or else y = other.

    Args:
        rate: share of the elements that become `other`, below 1.
        scale: of the other elements.
        stream: where the numbers come from.
        shift: of the other elements.
        other: what replaces an element.
    """

    takes_integers: ClassVar[bool] = True

    rate: float
    scale: float
    stream: Stream
    shift: float = 0.0
    other: float = 0.0

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape of x."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x and the counters."""
        numbers = (self.scale, self.shift, self.other)
        return _noise("dropout", shapes[0], numbers, self.stream, self.rate)


@dataclass(frozen=True, eq=False)
class DropMask(Op):
    """Draw factors that drop what they are multiplied with: 0, or 1 / (1 - rate).

    Args:
        rate: share of zeros, below 1.
        size: number of factors.
        stream: where the numbers come from.
    """

    takes_integers: ClassVar[bool] = True

    rate: float
    size: int
    stream: Stream

    def output_shape(self, *shapes: Shape) -> Shape:
        """Counters -> (size,)."""
        return (self.size,)

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for the counters."""
        numbers = (1.0 / (1.0 - self.rate), 0.0, 0.0)
        return _noise("dropout", (self.size,), numbers, self.stream, self.rate, has_input=False)


@dataclass(frozen=True, eq=False)
class DropChannels(Gate):
    """Multiply channels by what a `DropMask` drew: y[..., c] = x[..., c] * mask[c]."""


@dataclass(frozen=True, eq=False)
class AddNoise(Op):
    """Add normal numbers: y = x + deviation z.

    Args:
        deviation: standard deviation.
        stream: where the numbers come from.
    """

    takes_integers: ClassVar[bool] = True

    deviation: float
    stream: Stream

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape of x."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x and the counters."""
        return _noise("gaussian_noise", shapes[0], (self.deviation, 0.0, 0.0), self.stream)


@dataclass(frozen=True, eq=False)
class ScaleNoise(Op):
    """Multiply by normal numbers of mean 1: y = x (1 + deviation z).

    Args:
        deviation: standard deviation.
        stream: where the numbers come from.
    """

    takes_integers: ClassVar[bool] = True

    deviation: float
    stream: Stream

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape of x."""
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for x and the counters."""
        return _noise("gaussian_dropout", shapes[0], (self.deviation, 0.0, 0.0), self.stream)


def _noise(
    name: str,
    shape: Shape,
    numbers: tuple[float, float, float],
    stream: Stream,
    rate: float = 0.0,
    has_input: bool = True,
) -> Kernel:
    return _kernels.noise.Noise(
        name, math.prod(shape), numbers, round(rate * 2**32), stream.key, has_input,
        stream.ignores_image, stream.ignores_run,
    )  # fmt: skip
