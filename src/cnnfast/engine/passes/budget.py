"""Memory for weights: Winograd's take four times as much, and not every convolution is worth it.

A network's packed weights stay within about two and a half times what its file takes. Each of
Winograd's convolutions saves time by its pixels and costs memory by its weights, so that those
with the fewest pixels go without where it is too much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Final

import numpy as np

from cnnfast.engine.graph import Graph, Operation
from cnnfast.engine.passes.rewrite import Rewriter
from cnnfast.ops.base import Op
from cnnfast.ops.convolution import Convolution

# Bytes more than all weights, for one byte of weights: the rest of 2.5 is for filled-up panels.
MOST: Final = 1.45
# 36 products of a tile for 9 weights.
EXTRA: Final = 3
# Bytes that no network has to save.
FREE: Final = 8 << 20


def spare_memory(graph: Graph) -> Graph:
    """Leave Winograd's algorithm to the convolutions that gain most from the memory there is."""
    left = max(FREE, MOST * sum(map(bytes_of, {operation.op for operation in graph.operations})))
    direct: set[Operation] = set()
    for operation in sorted(transformed(graph), key=pixels, reverse=True):
        extra = EXTRA * operation.op.kernel.nbytes  # type: ignore[attr-defined]
        if extra > left:
            direct.add(operation)
        else:
            left -= extra
    rewriter = Rewriter(graph)
    for operation in graph.operations:
        if operation in direct:
            assert isinstance(operation.op, Convolution)
            op = replace(operation.op, direct=True)
            rewriter.replace(operation, op, *map(rewriter.current, operation.inputs))
        else:
            rewriter.keep(operation)
    return rewriter.graph()


def transformed(graph: Graph) -> Iterator[Operation]:
    """Find the convolutions that would use Winograd's algorithm."""
    for operation in graph.operations:
        op = operation.op
        if isinstance(op, Convolution) and op.suits_winograd(operation.inputs[0].shape):
            yield operation


def pixels(operation: Operation) -> int:
    """Count the pixels of an operation's output."""
    return operation.output.shape[0] * operation.output.shape[1]


def bytes_of(op: Op) -> int:
    """Count the bytes of an operation's weights."""
    values = (getattr(op, field.name) for field in fields(op))  # type: ignore[arg-type]
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))
