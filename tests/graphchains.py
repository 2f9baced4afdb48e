"""Graphs of operations in a row, which tests of passes are about, and what is left of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast.engine.graph import Graph, ItemType


def normal(*shape: int) -> np.ndarray:
    """Draw a float32 array; the same shape gives the same array."""
    return np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


def chain(shape: tuple[int, ...], *ops: Any, dtype: ItemType = "float32") -> Graph:
    """Apply operations one after the other; a tuple among them is a reshape."""
    graph = Graph()
    value = graph.input(shape, dtype)
    for op in ops:
        value = graph.reshape(value, op) if isinstance(op, tuple) else graph.add(op, value)
    graph.output(value)
    return graph


def kinds(graph: Graph) -> list[str]:
    """Name the operations."""
    return [type(operation.op).__name__ for operation in graph.operations]
