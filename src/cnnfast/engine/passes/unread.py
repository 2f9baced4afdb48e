"""Pixels that nobody reads: what makes them stops short of them.

Windows that do not fill an image leave rows at its bottom and columns at its right unread. What
computes these then has a border of less than zero there. Of the MNIST network's first convolution,
26 x 26 pixels behind it become 24 x 24: pooling, the next convolution and its pooling need no more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.ops.base import Op
from cnnfast.ops.convolution import Border, Convolution
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.pooling import Pooling

Window: TypeAlias = Convolution | Depthwise | Pooling
# Rows and columns of an image, from its top left on.
Extent: TypeAlias = tuple[int, ...]


def leave_unread(graph: Graph) -> Graph:
    """Let convolutions and pooling compute only the rows and columns that something reads."""
    extents = read_extents(graph)
    made: dict[Value, Value] = {}
    operations = []
    for operation in graph.operations:
        inputs = tuple(made.get(value, value) for value in operation.inputs)
        op, output = operation.op, operation.output
        extent = extents.get(output, output.shape[:2])
        if extent != output.shape[:2] or inputs != operation.inputs:
            assert isinstance(op, Window)
            op = fitted(op, extent, inputs[0].shape[:2])
        if extent != output.shape[:2]:
            output = Value(op.output_shape(*(value.shape for value in inputs)))
            made[operation.output] = output
        operations.append(Operation(op, inputs, output))
    return Graph(list(graph.inputs), list(graph.outputs), operations)


def read_extents(graph: Graph) -> dict[Value, Extent]:
    """Tell how much is read of each image of which only a part needs to be made: a pixel at least.

    Windows may lie in a border as a whole.
    """
    extents: dict[Value, Extent] = {}
    whole = {value.root for value in graph.outputs}
    for operation in reversed(graph.operations):
        if operation.output in whole or not can_stop_short(operation.op):
            extents.pop(operation.output, None)
        read = extents.get(operation.output, operation.output.shape[:2])
        for index, value in enumerate(operation.inputs):
            if index or value.alias is not None or not isinstance(operation.op, Window):
                whole.add(value.root)
            else:
                seen = reach(operation.op, read)
                rows, columns = extents.get(value, (1, 1))
                extents[value] = max(rows, seen[0]), max(columns, seen[1])
    return {v: (min(r, v.shape[0]), min(c, v.shape[1])) for v, (r, c) in extents.items()}


def can_stop_short(op: Op) -> bool:
    """Whether an operation can make a part of its image; a matrix product makes all pixels."""
    if isinstance(op, Convolution):
        return not op.is_pointwise() and not op.adds
    return isinstance(op, Depthwise | Pooling)


def reach(op: Window, extent: Extent) -> Extent:
    """Count the rows and columns from the top left on that some outputs see, with what is beyond.

    Args:
        op: a window that slides.
        extent: of the outputs.
    """
    window = op.pool if isinstance(op, Pooling) else op.kernel.shape[:2]
    rows, columns = (
        (count - 1) * step + (taps - 1) * rate + 1 - before
        for count, step, taps, rate, (before, _) in zip(
            extent, op.strides, window, op.dilation, op.padding, strict=True
        )
    )
    return rows, columns


def fitted(op: Window, extent: Extent, image: Extent) -> Window:
    """Choose the border at the bottom and right that gives outputs of this extent."""
    (top, _), (left, _) = op.padding
    rows, columns = reach(op, extent)
    padding: Border = ((top, rows - image[0]), (left, columns - image[1]))
    return replace(op, padding=padding)
