"""Gradients of images cut or enlarged."""

from __future__ import annotations

from dataclasses import dataclass

from cnnfast._kernels import resizing_gradient as kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.gradients.rule import Rule, Term, gradient_of
from cnnfast.ops.layout import Pad
from cnnfast.ops.resizing import Crop, Enlarge


@dataclass(frozen=True, eq=False)
class EnlargeGradient(Op):
    """Give each pixel what its copies, or its shares of blended pixels, received.

    Args:
        enlarge: the operation of the forward pass.
        shape: of its input.
    """

    enlarge: Enlarge
    shape: Shape

    def output_shape(self, *shapes: Shape) -> Shape:
        """Give that of the input."""
        return self.shape

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for dy."""
        H, W, C = self.shape
        return kernels.EnlargeGradient(self.enlarge.interpolation, H, W, C, self.enlarge.factors)


@gradient_of(Enlarge)
def differentiate_enlarging(op: Enlarge, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate an enlargement."""
    return Rule((Term(EnlargeGradient(op, shapes[0]), ("dy",)),), {})


@gradient_of(Crop)
def differentiate_cropping(op: Crop, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate cropping: what was cut off received nothing."""
    return Rule((Term(Pad(op.cropping), ("dy",)),), {})
