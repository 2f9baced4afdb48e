"""Gradients of masks and of means over the steps that count."""

from __future__ import annotations

from cnnfast.ops.base import Shape
from cnnfast.ops.gradients.rule import Rule, Term, gradient_of
from cnnfast.ops.masks import MaskedMean, MaskedMeanGradient, StepMask


@gradient_of(StepMask)
def differentiate_mask(op: StepMask, shapes: tuple[Shape, ...]) -> Rule:
    """Pass nothing back: a mask has no slope."""
    return Rule((None,), {})


@gradient_of(MaskedMean)
def differentiate_mean(op: MaskedMean, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a mean; the mask has no slope."""
    return Rule((Term(MaskedMeanGradient(), ("dy", "x1")), None), {})
