"""How much a network computes and moves at least, for the limits that no engine can pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bench.export.lowered import graph
from cnnfast.engine.graph import Graph, Operation
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.embedding import Embedding

FILE = "work.json"


def write(workload: str, folder: str) -> None:
    """Write the file."""
    Path(folder, FILE).write_text(json.dumps(count(graph(workload, folder))))


def count(network: Graph) -> dict[str, float]:
    """Count what every engine has to do.

    Returns:
        operations: floating-point, of the sums of products of convolutions and matrices.
        bytes: of inputs and outputs, and of the rows that embeddings read. All three a sample.
        weights: bytes that every call reads once, whatever its batch.
    """
    ends = [*network.inputs, *network.outputs]
    steps = network.operations
    return {
        "operations": sum(2.0 * products(step) for step in steps),
        "bytes": 4.0 * (sum(end.size for end in ends) + sum(rows(step) for step in steps)),
        "weights": 4.0 * sum(kernel.size for kernel in map(kernel_of, steps) if kernel is not None),
    }


def kernel_of(step: Operation) -> NDArray[Any] | None:
    """Return the weights that an operation multiplies by, None if it has none."""
    kernel: NDArray[Any] | None = getattr(step.op, "kernel", None)
    return kernel


def products(step: Operation) -> float:
    """Count the products of one operation on one sample."""
    kernel = kernel_of(step)
    if kernel is None:
        return 0.0
    filters = kernel[0, 0].size if isinstance(step.op, Depthwise) else kernel.shape[-1]
    return float(step.output.size / filters * kernel.size)


def rows(step: Operation) -> int:
    """Count the numbers that an embedding looks up for one sample."""
    return step.output.size if isinstance(step.op, Embedding) else 0
