"""Shapes of what slides over the axes between batch and channels: convolutions and pooling."""

from __future__ import annotations

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.structure import Shape
from cnnfast.layers import checks
from cnnfast.ops.geometry import output_length, padding_amounts

Sizes = tuple[int, ...]
Sides = tuple[int, int]


def split_shape(shape: Shape, data_format: str) -> tuple[Shape, int | None]:
    """Part a sample's shape into the lengths of its axes and its number of channels."""
    if data_format == "channels_first":
        return shape[1:], shape[0]
    return shape[:-1], shape[-1]


def join_shape(lengths: Shape, channels: int | None, data_format: str) -> Shape:
    """Put a sample's shape together from lengths and channels."""
    return (channels, *lengths) if data_format == "channels_first" else (*lengths, channels)


def window_lengths(
    layer: Layer, lengths: Shape, sizes: Sizes, strides: Sizes, dilation: Sizes, padding: str
) -> Shape:
    """Count the places of a window along each axis.

    Args:
        layer: named in the error.
        lengths: lengths of the axes, None where unknown.
        sizes: taps of the window along each axis.
        strides: steps between places.
        dilation: steps between taps.
        padding: "valid", "same" or "causal".

    Returns:
        A length for each axis, None where unknown.

    Raises:
        ValueError: an axis has no place for the window.
    """
    axes = zip(lengths, sizes, strides, dilation, strict=True)
    placed = tuple(output_length(*axis, padding) for axis in axes)
    if any(length is not None and length < 1 for length in placed):
        expectation = (
            f"the window {sizes} with dilation {dilation} and padding {padding!r} must fit into "
            "the input at least once"
        )
        raise checks.refused(layer, expectation, "lengths", lengths)
    return placed


def window_padding(
    lengths: Shape, sizes: Sizes, strides: Sizes, dilation: Sizes, padding: str
) -> tuple[Sides, Sides]:
    """Turn the name of a padding into amounts for the height and the width of an image.

    Args:
        lengths: lengths of one axis, which is the width, or of two.
        sizes: taps of the window along each axis.
        strides: steps between places.
        dilation: steps between taps.
        padding: "valid", "same" or "causal".

    Returns:
        ((top, bottom), (left, right)).
    """
    axes = zip(lengths, sizes, strides, dilation, strict=True)
    height, width = ((0, 0), *(padding_amounts(*axis, padding) for axis in axes))[-2:]
    return height, width
