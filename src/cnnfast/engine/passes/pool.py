"""Pooling into the convolution before it, where outputs can be pooled in registers."""

from __future__ import annotations

from cnnfast.engine.graph import Graph, Operation
from cnnfast.engine.passes.rewrite import Rewriter
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.pooled import PooledConvolution, can_pool
from cnnfast.ops.pooling import Pooling


def fuse_pooling(graph: Graph) -> Graph:
    """Let convolutions pool what they give, if nothing else reads it."""
    rewriter = Rewriter(graph)
    for operation in graph.operations:
        before = rewriter.maker(operation)
        op = None if before is None else pooled(before, operation)
        if before is None or op is None:
            rewriter.keep(operation)
        else:
            rewriter.drop(before)
            rewriter.replace(operation, op, *before.inputs)
    return rewriter.graph()


def pooled(before: Operation, operation: Operation) -> PooledConvolution | None:
    """Make one op of a convolution and the pooling behind it."""
    convolution, pooling = before.op, operation.op
    if not isinstance(convolution, Convolution) or not isinstance(pooling, Pooling):
        return None
    if operation.inputs[0].shape != before.output.shape:
        return None
    if not can_pool(convolution, pooling, before.inputs[0].shape):
        return None
    return PooledConvolution(convolution, pooling)
