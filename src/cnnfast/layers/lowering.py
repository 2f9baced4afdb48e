"""Turns that layers take on the way from their own terms to operations of the graph.

Operations know one layout, (H, W, C) without the batch axis, and elementwise activations; layers
speak of sequences, of channels that come first and of activations along an axis.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.structure import Shape
from cnnfast.ops.base import Op
from cnnfast.ops.elementwise import LINEAR, Activate, Activation, RowActivate
from cnnfast.ops.geometry import received
from cnnfast.ops.layout import Concatenate, Permute
from cnnfast.ops.noise import Drop, DropChannels, DropMask
from cnnfast.ops.normalization import ScaleShift


def fused_activation(activation: Any) -> Activation:
    """Give the elementwise activation that an operation can apply itself, else `LINEAR`."""
    if isinstance(activation, Layer):
        return LINEAR
    elementwise: Activation = getattr(activation, "activation", LINEAR)
    return elementwise


def add_unfused_activation(graph: Graph, activation: Any, value: Value) -> Value:
    """Add the operation of an activation that `fused_activation` left out, if it did."""
    if isinstance(activation, Layer):
        lowered: Value = activation.lower(graph, value)
        return lowered
    if hasattr(activation, "row"):
        return graph.add(RowActivate(activation.row), value)
    return value


def add_activation(graph: Graph, activation: Any, value: Value) -> Value:
    """Add the operation of any activation."""
    elementwise = fused_activation(activation)
    if elementwise != LINEAR:
        return graph.add(Activate(elementwise), value)
    return add_unfused_activation(graph, activation, value)


def activated_shape(activation: Any, shape: Shape) -> Shape:
    """Give the shape that any activation turns another one into: only "glu" halves the last axis.

    Raises:
        ValueError: it cannot be halved.
    """
    last = shape[-1]
    if getattr(activation, "row", None) != "glu" or last is None:
        return shape
    if last % 2:
        raise received(None, "glu needs a last axis of even length", "shape", shape)
    return *shape[:-1], last // 2


def channels_to_end(graph: Graph, value: Value) -> Value:
    """Move the first axis to the end."""
    return permute(graph, value, (*range(1, len(value.shape)), 0))


def channels_to_front(graph: Graph, value: Value) -> Value:
    """Move the last axis to the front."""
    last = len(value.shape) - 1
    return permute(graph, value, (last, *range(last)))


def permute(graph: Graph, value: Value, axes: tuple[int, ...]) -> Value:
    """Reorder the axes, if that changes anything."""
    return value if axes == tuple(range(len(axes))) else graph.add(Permute(axes), value)


def add_to_image(graph: Graph, op: Op, value: Value, data_format: str) -> Value:
    """Add an operation on images to a value that is an image or a sequence, in either layout.

    Args:
        graph: takes the operations.
        op: from (H, W, C) to (P, Q, K).
        value: (H, W, C) or (W, C), or with the channels in front.
        data_format: where the channels of `value` are, and those of the result will be.

    Returns:
        The result, of the rank and in the layout of `value`.
    """
    is_sequence, is_first = len(value.shape) == 2, data_format == "channels_first"
    value = channels_to_end(graph, value) if is_first else value
    value = graph.add(op, as_image(graph, value))
    value = graph.reshape(value, value.shape[1:]) if is_sequence else value
    return channels_to_front(graph, value) if is_first else value


def as_image(graph: Graph, value: Value) -> Value:
    """Give a sequence (W, C) the height 1; leave an image as it is."""
    return value if len(value.shape) == 3 else graph.reshape(value, (1, *value.shape))


def sample_shape(shape: Shape) -> tuple[int, ...]:
    """Drop the batch axis of a shape whose other sizes are all known."""
    return tuple(size for size in shape[1:] if size is not None)


def pair(sizes: tuple[int, ...]) -> tuple[int, int]:
    """Give the sizes of a window over a sequence the height 1; leave those of two axes."""
    height, width = (1, *sizes)[-2:]
    return height, width


def repeat(graph: Graph, value: Value, axis: int, count: int) -> Value:
    """Repeat a value along an axis of length 1, in about log2(count) concatenations."""
    if count == 1:
        return value
    half = repeat(graph, value, axis, count // 2)
    parts = (half, half, value) if count % 2 else (half, half)
    return graph.add(Concatenate(axis), *parts)


def scale_shift(
    graph: Graph, value: Value, scale: ArrayLike, shift: ArrayLike, axes: tuple[int, ...] = (-1,)
) -> Value:
    """Add value * scale + shift.

    Args:
        graph: takes the operations.
        value: any value.
        scale: numbers that broadcast to the sizes of `axes`; rounded to float32 here.
        shift: likewise.
        axes: of the value, without the batch axis, that the numbers differ along; in order.
    """
    rank = len(value.shape)
    if rank == 0:
        return graph.reshape(scale_shift(graph, graph.reshape(value, (1,)), scale, shift), ())
    kept = tuple(axis % rank for axis in axes)
    sizes = tuple(value.shape[axis] for axis in kept)
    op = ScaleShift(
        np.broadcast_to(scale, sizes).ravel().astype(np.float32),
        np.broadcast_to(shift, sizes).ravel().astype(np.float32),
    )
    to_end = (*(axis for axis in range(rank) if axis not in kept), *kept)
    moved = permute(graph, value, to_end)
    if len(kept) == 1:
        result = graph.add(op, moved)
    else:
        rows = graph.reshape(moved, (*moved.shape[: rank - len(kept)], math.prod(sizes)))
        result = graph.reshape(graph.add(op, rows), moved.shape)
    return permute(graph, result, tuple(to_end.index(place) for place in range(rank)))


def drop(graph: Graph, layer: Any, value: Value, noise_shape: Shape | None) -> Value:
    """Add what dropout does in training.

    Args:
        graph: takes the operations.
        layer: with a `rate` above 0 and a `seed`.
        value: any value.
        noise_shape: sizes of the random mask, batch axis first; 1 where it repeats along an axis.

    Raises:
        ValueError: `noise_shape` does not fit the value.
    """
    rate, axes, rank = layer.rate, drawn_axes(layer, noise_shape, value), len(value.shape)
    value = graph.as_floats(value)
    if rate == 1.0:
        nothing = np.zeros(1, np.float32)
        flat = graph.reshape(value, (value.size, 1))
        return graph.reshape(graph.add(ScaleShift(nothing, nothing), flat), value.shape)
    draws, stream = graph.stream(layer.seed, is_shared_by_images(noise_shape))
    if len(axes) == rank:
        return graph.add(Drop(rate, 1.0 / (1.0 - rate), stream), value, draws)
    to_end = (*(axis for axis in range(rank) if axis not in axes), *axes)
    moved = permute(graph, value, to_end)
    size = math.prod(value.shape[axis] for axis in axes)
    rows = graph.reshape(moved, (value.size // size, size))
    mask = graph.add(DropMask(rate, size, stream), draws)
    dropped = graph.reshape(graph.add(DropChannels(), rows, mask), moved.shape)
    return permute(graph, dropped, tuple(to_end.index(place) for place in range(rank)))


def drawn_axes(layer: Layer, noise_shape: Shape | None, value: Value) -> tuple[int, ...]:
    """List the axes, without the batch axis, that a random mask does not repeat along.

    Args:
        layer: for errors.
        noise_shape: sizes of the mask, batch axis first; None for those of the value.
        value: that the mask is for.

    Raises:
        ValueError: a size is neither 1 nor that of the value.
    """
    sizes = (None,) * (len(value.shape) + 1) if noise_shape is None else noise_shape
    fits = len(sizes) == len(value.shape) + 1 and all(
        size in (None, 1, own) for size, own in zip(sizes[1:], value.shape, strict=True)
    )
    if not fits:
        raise received(
            layer.name, "`noise_shape` must have size 1 or that of the input on every axis",
            "noise_shape", noise_shape,
        )  # fmt: skip
    pairs = enumerate(zip(sizes[1:], value.shape, strict=True))
    return tuple(axis for axis, (size, own) in pairs if size != 1 or own == 1)


def is_shared_by_images(noise_shape: Shape | None) -> bool:
    """Tell whether one random mask is for all images of a batch."""
    return noise_shape is not None and noise_shape[0] == 1
