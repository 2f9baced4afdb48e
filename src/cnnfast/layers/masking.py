"""Masking: steps of a sequence that are padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.masks import Mask
from cnnfast.layers import checks, lowering
from cnnfast.ops.elementwise import Combine
from cnnfast.ops.masks import StepMask


class Masking(Layer):
    """Mark the steps whose elements all equal one value as padding, and set them to zero.

    Args:
        mask_value: the value.
        **kwargs: see `Layer`.

    Input shape:
        (N, ..., C)

    Output shape:
        That of the input.
    """

    supports_masking = True

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = checks.number(self, "mask_value", mask_value)

    def lower(self, graph: Graph, *values: Value) -> Value:
        value = graph.as_floats(values[0])
        mask = graph.add(StepMask(self.mask_value), value)
        spread = lowering.repeat(graph, mask, len(value.shape) - 1, value.shape[-1])
        return graph.add(Combine("multiply"), value, spread)

    def output_mask(self, graph: Graph, values: Sequence[Value]) -> Mask | None:
        return Mask(lambda: graph.add(StepMask(self.mask_value), values[0]))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask_value": self.mask_value}
