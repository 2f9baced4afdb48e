"""Shapes of what slides over the axes between batch and channels: convolutions and pooling."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.structure import Shape
from cnnfast.layers import checks
from cnnfast.ops.geometry import output_length, padding_amounts

Sizes = tuple[int, ...]
Sides = tuple[int, int]
LayerClass = TypeVar("LayerClass", bound=type[Layer])


@dataclass(frozen=True)
class Window:
    """A window over one axis or two.

    Attributes:
        sizes: taps along each axis.
        strides: steps from one place of the window to the next.
        dilation: steps from one tap to the next.
        padding: "valid", "same" or "causal".
    """

    sizes: Sizes
    strides: Sizes
    dilation: Sizes
    padding: str

    def places(self, lengths: Shape) -> Shape:
        """Count the places along axes of given lengths, None where unknown."""
        axes = zip(lengths, self.sizes, self.strides, self.dilation, strict=True)
        return tuple(output_length(*axis, self.padding) for axis in axes)

    def amounts(self, lengths: Shape) -> tuple[Sides, Sides]:
        """Count the zeros around an image: ((top, bottom), (left, right)).

        A single axis is the width of an image of height 1.
        """
        axes = zip(lengths, self.sizes, self.strides, self.dilation, strict=True)
        sides = [padding_amounts(*axis, self.padding) for axis in axes]
        height, width = ((0, 0), *sides)[-2:]
        return height, width


def split_shape(shape: Shape, data_format: str) -> tuple[Shape, int | None]:
    """Part a sample's shape into the lengths of its axes and its number of channels."""
    if data_format == "channels_first":
        return shape[1:], shape[0]
    return shape[:-1], shape[-1]


def join_shape(lengths: Shape, channels: int | None, data_format: str) -> Shape:
    """Put a sample's shape together from lengths and channels."""
    return (channels, *lengths) if data_format == "channels_first" else (*lengths, channels)


def window_shape(
    layer: Layer, input_shape: Shape, window: Window, data_format: str, filters: int | None = None
) -> Shape:
    """Give the output shape of a window that slides over the inputs of a layer.

    Args:
        layer: named in the error.
        input_shape: batch axis first, None where unknown.
        window: what slides.
        data_format: where the channels are.
        filters: channels of the outputs; those of the inputs if None.

    Raises:
        ValueError: an axis has no place for the window.
    """
    lengths, channels = split_shape(input_shape[1:], data_format)
    places = window.places(lengths)
    if any(count is not None and count < 1 for count in places):
        expectation = f"{window} must fit into the input at least once"
        raise checks.refused(layer, expectation, "input_shape", input_shape)
    return input_shape[0], *join_shape(places, filters or channels, data_format)


def shown_defaults(**defaults: Any) -> Callable[[LayerClass], LayerClass]:
    """Show a class's defaults in its signature the way Keras spells them.

    The classes for sequences and images share one constructor, where 1 stands for (1, 1) too.
    """

    def decorate(cls: LayerClass) -> LayerClass:
        signature = inspect.signature(cls)
        shown = [
            parameter.replace(default=defaults.get(name, parameter.default))
            for name, parameter in signature.parameters.items()
        ]
        setattr(cls, "__signature__", signature.replace(parameters=shown))  # noqa: B010
        return cls

    return decorate
