"""Embedding: a row of a table for each integer."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from cnnfast import constraints, initializers, regularizers
from cnnfast.engine.base_layer import Layer
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.masks import Mask
from cnnfast.engine.structure import Shape
from cnnfast.engine.variable import Variable
from cnnfast.layers import checks
from cnnfast.ops.embedding import Embedding as EmbeddingOp


class Embedding(Layer):
    """Look up a vector for each integer: outputs[n, l] = embeddings[inputs[n, l]].

    Args:
        input_dim: number of rows; integers run from 0 to input_dim - 1.
        output_dim: length of a row.
        embeddings_initializer: first values of the table.
        embeddings_regularizer: penalty on the table.
        embeddings_constraint: projection of the table after each update.
        mask_zero: whether 0 stands for padding: layers that let the mask through pass it on to
            GlobalAveragePooling1D and, in training, BatchNormalization, which leave it out.
        weights: the table, or a list that holds it.
        input_length: accepted from Keras 1 and 2; the length is read off the inputs.
        **kwargs: see `Layer`.

    Weights:
        embeddings (input_dim, output_dim).

    Input shape:
        (N, ...), integers, or floats without a fraction.

    Output shape:
        (N, ..., output_dim)

    Raises:
        ValueError: a size is no positive integer; when run, an integer lies outside the table.
    """

    embeddings: Variable
    input_dtype = "int32"

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        input_length: Any = None,
        **kwargs: Any,
    ) -> None:
        if input_length is not None:
            warnings.warn("`input_length` has no effect on Embedding; leave it out.", stacklevel=2)
        weights = [weights] if isinstance(weights, np.ndarray) else weights
        super().__init__(weights=weights, **kwargs)
        self.input_dim = checks.integer(self, "input_dim", input_dim)
        self.output_dim = checks.integer(self, "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero

    def build(self, input_shape: Shape | None = None) -> None:
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            "embeddings",
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return *input_shape, self.output_dim

    def lower(self, graph: Graph, *values: Value) -> Value:
        return graph.add(EmbeddingOp(self.embeddings.value), *values)

    def output_mask(self, graph: Graph, values: Sequence[Value]) -> Mask | None:
        if not self.mask_zero:
            return None
        counts = np.ones((self.input_dim, 1), np.float32)
        counts[0] = 0.0
        return Mask(lambda: graph.add(EmbeddingOp(counts), *values))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": regularizers.serialize(self.embeddings_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return super().from_config(checks.without_quantization(config))
