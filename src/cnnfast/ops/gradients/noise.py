"""Gradients of what draws random numbers: the same numbers are drawn again."""

from __future__ import annotations

from dataclasses import replace

from cnnfast.ops.base import Shape
from cnnfast.ops.gradients.rule import PASS, Rule, Term, gradient_of
from cnnfast.ops.noise import AddNoise, Drop, DropChannels, ScaleNoise


@gradient_of(Drop)
def differentiate_drop(op: Drop, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate dropout: what was replaced gets nothing."""
    return Rule((Term(replace(op, shift=0.0, other=0.0), ("dy", "x1")), None), {})


@gradient_of(DropChannels)
def differentiate_dropped_channels(op: DropChannels, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate dropout of whole channels."""
    return Rule((Term(op, ("dy", "x1")), None), {})


@gradient_of(AddNoise)
def differentiate_added_noise(op: AddNoise, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a sum with noise."""
    return Rule((PASS, None), {})


@gradient_of(ScaleNoise)
def differentiate_scaling_noise(op: ScaleNoise, shapes: tuple[Shape, ...]) -> Rule:
    """Differentiate a product with noise."""
    return Rule((Term(op, ("dy", "x1")), None), {})
