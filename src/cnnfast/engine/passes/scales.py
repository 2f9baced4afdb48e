"""Scales and shifts past the pooling behind them, on their way to a weight to be folded into.

    mean(s x + t) = s mean(x) + t, and max(s x + t) = s max(x) + t where s is not negative.
There are fewer elements behind a pooling, and often the convolution or matrix that takes the
constants into its weights, which it cannot where pooling stands between.
"""

from __future__ import annotations

from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.engine.passes.rewrite import Rewriter
from cnnfast.ops.base import Op
from cnnfast.ops.elementwise import LINEAR
from cnnfast.ops.normalization import ScaleShift
from cnnfast.ops.pooling import GlobalPooling, Pooling


def delay_scales(graph: Graph) -> Graph:
    """Scale and shift after the pooling behind."""
    rewriter = Rewriter(graph)
    for operation in graph.operations:
        before = rewriter.maker(operation)
        if before is None or not can_swap(before.op, operation):
            rewriter.keep(operation)
            continue
        rewriter.drop(before)
        (source,), shape = before.inputs, operation.inputs[0].shape
        seen = source if source.shape == shape else Value(shape, source.dtype, alias=source)
        rewriter.replace(operation, before.op, rewriter.replace(operation, operation.op, seen))
    return rewriter.graph()


def can_swap(scale: Op, operation: Operation) -> bool:
    """Whether an operation is a pooling that a scale and shift may follow instead."""
    pooling = operation.op
    if not isinstance(scale, ScaleShift) or scale.activation != LINEAR:
        return False
    if not isinstance(pooling, Pooling | GlobalPooling):
        return False
    # A reshape in between may have moved channels out of the last axis.
    same_channels = operation.inputs[0].shape[-1:] == scale.scale.shape
    return same_channels and (pooling.kind == "average" or bool((scale.scale >= 0).all()))
