"""Operations on large images together, a few rows at a time: what lies between them stays in L2.

Where all of it fits there anyway, doing one after the other costs the same, and threads that
share an image have no rows to make twice.
"""

from __future__ import annotations

from typing import Final

from cnnfast import _kernels
from cnnfast.engine.graph import Graph, Operation
from cnnfast.engine.passes.rewrite import merge_neighbours
from cnnfast.ops.base import Op
from cnnfast.ops.strips import Strips, chain, tallest_strip

# Floats of an image between two of them: a 1 MB L2 of them. MobileNetV2's 112 x 112 x 96 take
# 0.66 ms together instead of 0.91 ms; its 28 x 28 x 192 the same either way.
LEAST_FLOATS: Final = 256 * 1024


def fuse_strips(graph: Graph) -> Graph:
    """Let operations that make images row by row take over the one before them."""
    return merge_neighbours(graph, joined)


def joined(before: Operation, operation: Operation) -> Strips | None:
    """Merge two operations with a large image between them, where strips of it have room."""
    if operation.inputs[0].shape != before.output.shape or len(before.inputs) > 1:
        return None
    if before.output.size <= LEAST_FLOATS:
        return None
    ops = (*ops_of(before.op), operation.op)
    links = chain(ops, before.inputs[0].shape)
    if not len(links) == len(ops) <= _kernels.strips.LONGEST_CHAIN or tallest_strip(links) == 0:
        return None
    return Strips(ops)


def ops_of(op: Op) -> tuple[Op, ...]:
    """List the operations of a chain, or the one that is none."""
    return op.ops if isinstance(op, Strips) else (op,)
