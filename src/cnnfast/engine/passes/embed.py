"""An embedding into the convolution or matrix behind it: products looked up instead of made.

Where the products of all words with all taps take a bounded table, a sample costs the sum of S
rows for each place instead of an embedding and 2 S D K operations.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.engine.passes.rewrite import merge_neighbours
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.embedding import Embedding, EmbeddingConvolution

# The table of the IMDb network (20,000 words, 7 taps, 32 filters) takes 18 MB; the weights it
# replaces 10 MB. Tables beyond this would leave every cache and cost more than they save.
LARGEST_TABLE: Final = 16 * 1024 * 1024


def fold_embeddings(graph: Graph) -> Graph:
    """Fold each embedding into the convolution over it, or the matrix over all of it."""
    return merge_neighbours(graph, merged_op)


def merged_op(before: Operation, operation: Operation) -> EmbeddingConvolution | None:
    """Merge embedding -> consumer, where there is one and its table is bounded."""
    if not isinstance(before.op, Embedding) or len(before.inputs[0].shape) != 1:
        return None
    consumer = as_sequence_filter(operation, before.output)
    if consumer is None or table_floats(before.op, consumer) > LARGEST_TABLE:
        return None
    return EmbeddingConvolution(
        before.op.table, consumer.kernel[0], consumer.bias, consumer.strides[1],
        consumer.dilation[1], consumer.padding[1], consumer.activation,
    )  # fmt: skip


def as_sequence_filter(operation: Operation, words: Value) -> Convolution | None:
    """See an operation on embedded words (L, D) as a convolution of height 1."""
    op, (length, depth) = operation.op, words.shape
    if isinstance(op, Convolution) and operation.inputs[0].shape == (1, length, depth):
        flat = op.kernel.shape[0] == 1 and op.padding[0] == (0, 0) and op.groups == 1
        return op if flat else None
    if isinstance(op, Dense) and operation.inputs[0].shape == (length * depth,):
        kernel = np.ascontiguousarray(op.kernel.reshape(1, length, depth, -1))
        return Convolution(kernel, op.bias, activation=op.activation)
    return None


def table_floats(embedding: Embedding, consumer: Convolution) -> int:
    """Count the floats of the products of all words with all taps."""
    words, (_, taps, _, filters) = len(embedding.table), consumer.kernel.shape
    return int(words * taps * filters)
