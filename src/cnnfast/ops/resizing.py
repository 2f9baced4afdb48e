"""Images cut or enlarged; a sequence is an image of height 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.convolution import Border

Interpolation: TypeAlias = Literal["nearest", "bilinear"]


@dataclass(frozen=True, eq=False)
class Crop(Op):
    """Cut a border off an image.

    Args:
        cropping: ((top, bottom), (left, right)), pixels.
    """

    cropping: Border

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) -> (H - top - bottom, W - left - right, C)."""
        H, W, C = image_shape(shapes[0])
        P, Q = H - sum(self.cropping[0]), W - sum(self.cropping[1])
        if min(P, Q) < 1:
            raise ValueError(
                f"Cropping must leave at least one pixel. Received cropping={self.cropping} for "
                f"shape {shapes[0]}."
            )
        return (P, Q, C)

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        H, W, C = shapes[0]
        return _kernels.resizing.Crop(H, W, C, (*self.cropping[0], *self.cropping[1]))


@dataclass(frozen=True, eq=False)
class Enlarge(Op):
    """Make an image larger by whole factors.

    Args:
        factors: of height and width.
        interpolation: "nearest" repeats pixels; "bilinear" blends the four pixels around a point,
            pixels being points at their centres.
    """

    factors: tuple[int, int]
    interpolation: Interpolation = "nearest"

    def output_shape(self, *shapes: Shape) -> Shape:
        """(H, W, C) -> (H times the first factor, W times the second, C)."""
        H, W, C = image_shape(shapes[0])
        return (H * self.factors[0], W * self.factors[1], C)

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        H, W, C = shapes[0]
        return _kernels.resizing.Enlarge(self.interpolation, H, W, C, self.factors)


def image_shape(shape: Shape) -> tuple[int, int, int]:
    """Unpack (H, W, C).

    Raises:
        ValueError: it is no image's shape.
    """
    if len(shape) != 3:
        raise ValueError(f"Resizing takes images (H, W, C). Received shape {shape}.")
    H, W, C = shape
    return H, W, C
