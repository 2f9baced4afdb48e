"""Scale and shift of channels: by constants, or by what the network computes for each image."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Floats, Op, Shape, constant, set_fields
from cnnfast.ops.elementwise import LINEAR, Activation


@dataclass(frozen=True, eq=False)
class ScaleShift(Op):
    """Scale and shift along the last axis: y[..., c] = f(x[..., c] * scale[c] + shift[c]).

    Args:
        scale: float32, (C,).
        shift: float32, (C,).
        activation: applied to the result.
    """

    scale: Floats
    shift: Floats
    activation: Activation = LINEAR

    def __post_init__(self) -> None:
        set_fields(
            self, scale=constant(self.scale, 1, "scale"), shift=constant(self.shift, 1, "shift")
        )
        if self.scale.shape != self.shift.shape:
            raise ValueError(
                "`scale` and `shift` must have one shape. "
                f"Received {self.scale.shape} and {self.shift.shape}."
            )

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape."""
        if shapes[0][-1:] != self.scale.shape:
            raise ValueError(
                f"`scale` of shape {self.scale.shape} must equal the last axis of the input. "
                f"Received shape {shapes[0]}."
            )
        return shapes[0]

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input."""
        *rest, channels = shapes[0]
        return _kernels.normalization.ScaleShift(
            math.prod(rest), channels, self.scale, self.shift, self.activation
        )


@dataclass(frozen=True, eq=False)
class Gate(Op):
    """Scale along the last axis by a second input: y[..., c] = x[..., c] * gate[c]."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """Keep the shape of the first input."""
        values, gates = shapes
        if gates != values[-1:]:
            raise ValueError(
                f"Gates must have the shape of the last axis of {values}. Received shape {gates}."
            )
        return values

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for an input and its gates."""
        *rest, channels = shapes[0]
        return _kernels.normalization.Gate(math.prod(rest), channels)
