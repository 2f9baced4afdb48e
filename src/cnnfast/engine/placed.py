"""A layer's place in models: the tensors it was called on and those it returned."""

from __future__ import annotations

from typing import Any

from cnnfast.engine.node import Node
from cnnfast.engine.structure import map_structure


class Placed:
    """Remembers the calls on KerasTensors.

    Args:
        name: the layer's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.inbound_nodes: list[Node] = []

    @property
    def input(self) -> Any:
        """The KerasTensors the layer was first called on."""
        return self._first_node("input").input_structure

    @property
    def output(self) -> Any:
        """The KerasTensors the layer first returned."""
        return self._first_node("output").output_structure

    @property
    def input_shape(self) -> Any:
        """Shape of `input`; a structure of shapes for several tensors."""
        structures = [node.input_structure for node in self.inbound_nodes]
        return self._only_shape("input", [shapes_of(structure) for structure in structures])

    @property
    def output_shape(self) -> Any:
        """Shape of `output`; a structure of shapes for several tensors."""
        structures = [node.output_structure for node in self.inbound_nodes]
        return self._only_shape("output", [shapes_of(structure) for structure in structures])

    def _first_node(self, what: str) -> Node:
        if not self.inbound_nodes:
            raise AttributeError(
                f"The layer '{self.name}' has never been called and thus has no defined {what}."
            )
        return self.inbound_nodes[0]

    def _only_shape(self, what: str, shapes: list[Any]) -> Any:
        self._first_node(f"{what} shape")
        if any(shape != shapes[0] for shape in shapes):
            raise AttributeError(
                f"The layer '{self.name}' has been called {len(shapes)} times, on different "
                f"shapes, and has no single {what} shape. They are: {shapes}"
            )
        return shapes[0]


def shapes_of(tensors: Any) -> Any:
    """Give the shapes of tensors in the structure the tensors come in.

    Args:
        tensors: a KerasTensor or a structure of them.
    """
    return map_structure(lambda tensor: tensor.shape, tensors)
