"""Pooling into the convolution before it, where outputs can be pooled in registers."""

from __future__ import annotations

from cnnfast.engine.graph import Graph, Operation
from cnnfast.engine.passes.rewrite import merge_neighbours
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.pooled import PooledConvolution, can_pool
from cnnfast.ops.pooling import Pooling


def fuse_pooling(graph: Graph) -> Graph:
    """Let convolutions pool what they give, if nothing else reads it."""
    return merge_neighbours(graph, pooled)


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
