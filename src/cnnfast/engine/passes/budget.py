"""Memory for weights: Winograd's take up to four times as much, which not all are worth.

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
from cnnfast.ops.winograd_costs import sequence_products

# Bytes more than all weights, for one byte of weights: the rest of 2.5 is for filled-up panels.
MOST: Final = 1.45
# 36 products of a tile for 9 weights.
TILE_PRODUCTS: Final = 36
# Bytes that no network has to save.
FREE: Final = 8 << 20


def spare_memory(graph: Graph) -> Graph:
    """Leave Winograd's algorithm to the convolutions that gain most from the memory there is."""
    left = max(FREE, MOST * sum(map(bytes_of, {operation.op for operation in graph.operations})))
    direct: set[Operation] = set()
    found = dict(transformed(graph))
    for operation in sorted(found, key=pixels, reverse=True):
        if found[operation] > left:
            direct.add(operation)
        else:
            left -= found[operation]
    rewriter = Rewriter(graph)
    for operation in graph.operations:
        if operation in direct:
            assert isinstance(operation.op, Convolution)
            op = replace(operation.op, direct=True)
            rewriter.replace(operation, op, *map(rewriter.current, operation.inputs))
        else:
            rewriter.keep(operation)
    return rewriter.graph()


def transformed(graph: Graph) -> Iterator[tuple[Operation, float]]:
    """Find the convolutions that would use Winograd's algorithm, and what bytes that adds."""
    for operation in graph.operations:
        op, shape = operation.op, operation.inputs[0].shape
        if not isinstance(op, Convolution):
            continue
        R, S = op.kernel.shape[:2]
        if op.suits_winograd(shape):
            yield operation, op.kernel.nbytes * (TILE_PRODUCTS / (R * S) - 1)
        elif op.suits_winograd_sequence(shape):
            yield operation, op.kernel.nbytes * (sequence_products(S) / S - 1)


def pixels(operation: Operation) -> int:
    """Count the pixels of an operation's output."""
    return operation.output.shape[0] * operation.output.shape[1]


def bytes_of(op: Op) -> int:
    """Count the bytes of an operation's weights."""
    values = (getattr(op, field.name) for field in fields(op))  # type: ignore[arg-type]
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))
