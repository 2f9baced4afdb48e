"""Zeros around an image into the padding of what reads it: nothing is copied to make room.

Convolutions see zeros beyond an edge. Max pooling leaves out what lies there, which comes to the
same where no pixel is negative and no window is empty.
"""

from __future__ import annotations

from dataclasses import replace

from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.engine.passes.rewrite import Rewriter
from cnnfast.ops.base import Op
from cnnfast.ops.convolution import NO_BORDER, Border, Convolution
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import Activate
from cnnfast.ops.layout import Pad
from cnnfast.ops.pooling import Pooling


def merge_borders(graph: Graph) -> Graph:
    """Let convolutions and max pooling do the padding in front of them."""
    rewriter = Rewriter(graph)
    positive = {operation.output for operation in graph.operations if is_relu(operation.op)}
    for operation in graph.operations:
        before = rewriter.maker(operation)
        merged = None if before is None else bordered(before, operation, positive)
        if before is None or merged is None:
            rewriter.keep(operation)
        else:
            rewriter.drop(before)
            output = rewriter.replace(operation, merged, *before.inputs)
            if is_relu(merged):
                positive.add(output)
    return rewriter.graph()


def bordered(before: Operation, operation: Operation, positive: set[Value]) -> Op | None:
    """Merge padding -> consumer.

    Args:
        before: what makes the consumer's only input.
        operation: the consumer.
        positive: values without a negative number.
    """
    if not isinstance(before.op, Pad) or operation.inputs[0].shape != before.output.shape:
        return None
    op, border = operation.op, before.op.padding
    if isinstance(op, Pad):
        return Pad(widened(op.padding, border))
    if isinstance(op, Depthwise) or (isinstance(op, Convolution) and not op.is_pointwise()):
        return replace(op, padding=widened(op.padding, border))
    if isinstance(op, Pooling) and before.inputs[0].root in positive and fits(op, border):
        return replace(op, padding=border)
    return None


def widened(inner: Border, outer: Border) -> Border:
    """Add two borders."""
    (top, bottom), (left, right) = inner
    (above, below), (before, after) = outer
    return ((top + above, bottom + below), (left + before, right + after))


def is_relu(op: Op) -> bool:
    """Whether no output of an operation is negative."""
    if not isinstance(op, Activate | Convolution | Depthwise):
        return False
    name, slope, _, threshold = op.activation
    return name == "relu" and slope == 0.0 and threshold >= 0.0


def fits(pooling: Pooling, border: Border) -> bool:
    """Whether this takes maxima that are the same when a border of zeros is left out."""
    return (
        pooling.kind == "max"
        and pooling.padding == NO_BORDER
        and all(max(sides) < size for sides, size in zip(border, pooling.pool, strict=True))
    )
