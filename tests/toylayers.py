"""Small layers of the kind a user writes."""

from __future__ import annotations

from typing import Any

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.graph import Graph, Value
from cnnfast.ops.dense import Dense as DenseOp


class Matrix(Layer):
    """Multiplies by a matrix and adds a vector that training leaves alone."""

    def __init__(self, units: int, initializer: Any = "glorot_uniform", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.initializer = initializer

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.units), self.initializer, "kernel")
        self.shift = self.add_weight((self.units,), "zeros", "shift", trainable=False)
        self.input_axes = {-1: input_shape[-1]}

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def lower(self, graph: Graph, *values: Value) -> Value:
        return graph.add(DenseOp(self.kernel.value, self.shift.value), *values)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class Twice(Layer):
    """Composed of two other layers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first = Matrix(3, name="first")
        self.rest = [Matrix(2, name="second")]

    def call(self, inputs: Any) -> Any:
        return self.rest[0](self.first(inputs))


class Square(Layer):
    """Takes inputs of two axes only."""

    input_rank = 2
