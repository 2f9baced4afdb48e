"""Nodes: single applications of layers, linked by the tensors between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cnnfast.engine.structure import flatten
from cnnfast.engine.tensor import KerasTensor

if TYPE_CHECKING:
    from cnnfast.engine.base_layer import Layer


class History(NamedTuple):
    """Where a tensor comes from: output `tensor_index` of `operation.inbound_nodes[node_index]`."""

    operation: Layer
    node_index: int
    tensor_index: int


class Node:
    """One application of a layer to tensors.

    Creating it appends it to `layer.inbound_nodes` and writes the history of the outputs.

    Args:
        layer: the layer that was called.
        inputs: what it was called on: a KerasTensor, a structure of them, or [] for an InputLayer.
        outputs: what the call returned: a KerasTensor or a structure of them.
        training: whether the layer does here what it does in training; None to do as the whole.
    """

    def __init__(
        self, layer: Layer, inputs: Any, outputs: Any, training: bool | None = None
    ) -> None:
        self.layer = layer
        self.training = training
        self.input_structure = inputs
        self.output_structure = outputs
        self.inputs: list[KerasTensor] = flatten(inputs)
        self.outputs: list[KerasTensor] = flatten(outputs)
        index = len(layer.inbound_nodes)
        layer.inbound_nodes.append(self)
        for position, tensor in enumerate(self.outputs):
            tensor.history = History(layer, index, position)

    @property
    def is_input(self) -> bool:
        """Whether data enters the model here."""
        return not self.inputs

    def __repr__(self) -> str:
        return f"<Node layer={self.layer.name}, inputs={len(self.inputs)}>"


def producer(tensor: KerasTensor) -> Node:
    """Find the node that made a tensor.

    Args:
        tensor: a tensor returned by `Input` or by a layer.

    Raises:
        ValueError: the tensor was made by hand and belongs to no layer.
    """
    if tensor.history is None:
        raise ValueError(f"{tensor!r} was made by no layer; use `Input` to start a model.")
    node: Node = tensor.history.operation.inbound_nodes[tensor.history.node_index]
    return node
