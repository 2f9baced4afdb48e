"""The walk from a model's outputs back to its inputs, and the order of layers it gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cnnfast.engine.node import Node, producer
from cnnfast.engine.placed import shapes_of
from cnnfast.engine.structure import flatten, pack_like
from cnnfast.engine.tensor import KerasTensor

if TYPE_CHECKING:
    from cnnfast.engine.base_layer import Layer
    from cnnfast.engine.graph import Graph, Value


class Network:
    """The nodes between some tensors and others.

    Args:
        inputs: where the network begins.
        outputs: where it ends.

    Attributes:
        nodes: the nodes inside, each after those it depends on. A node that makes one of the
            inputs is part of the network only if it is an InputLayer's.
        depths: for every node its distance to the outputs, in nodes.
        layers: the layers of the nodes, the farthest from the outputs first and those equally far
            in the order of the walk.

    Raises:
        ValueError: the outputs depend on something besides the inputs, or two layers have the
            same name.

    Source: the order is that of Keras 3, on which weight files rely.
    """

    def __init__(self, inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> None:
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self._input_ids = {id(tensor) for tensor in inputs}
        self.nodes, first_seen = self._walk()
        self.depths = _depths(self.nodes)
        self._add_unused_inputs(first_seen)
        self.layers = self._ordered_layers(first_seen)
        _check_names(self.layers)

    def _walk(self) -> tuple[list[Node], dict[Layer, int]]:
        """List the nodes, parents first, and number the layers in the order they are met."""
        finished: dict[Node, None] = {}
        first_seen: dict[Layer, int] = {}
        visited: set[Node] = set()
        for output in self.outputs:
            if output.history is None and id(output) in self._input_ids:
                continue
            stack: list[tuple[Node, Iterator[KerasTensor]]] = []
            self._enter(output, stack, visited, first_seen)
            while stack:
                node, tensors = stack[-1]
                for tensor in tensors:
                    if self._enter(tensor, stack, visited, first_seen):
                        break
                else:
                    finished[node] = None
                    stack.pop()
        return list(finished), first_seen

    def _enter(
        self,
        tensor: KerasTensor,
        stack: list[Any],
        visited: set[Node],
        first_seen: dict[Layer, int],
    ) -> bool:
        """Start on the node that made a tensor, unless it is done or lies outside."""
        is_network_input = id(tensor) in self._input_ids
        if is_network_input and tensor.history is None:
            return False
        node = producer(tensor)
        if node in visited or (is_network_input and not node.is_input):
            return False
        if node.is_input and not is_network_input:
            raise self._disconnected(tensor)
        visited.add(node)
        first_seen.setdefault(node.layer, len(first_seen))
        stack.append((node, iter(node.inputs)))
        return True

    def _disconnected(self, tensor: KerasTensor) -> ValueError:
        assert tensor.history is not None
        names = ", ".join(f"'{known.name}'" for known in self.inputs)
        return ValueError(
            f"Graph disconnected: the outputs depend on {tensor!r}, which layer "
            f"'{tensor.history.operation.name}' makes and which is not among the inputs of the "
            f"model: {names}."
        )

    def _add_unused_inputs(self, first_seen: dict[Layer, int]) -> None:
        known = [tensor for tensor in self.inputs if tensor.history is not None]
        unused = [node for node in map(producer, known) if node.is_input]
        unused = [node for node in unused if node.layer not in first_seen]
        for node in unused:
            first_seen[node.layer] = -1
            self.depths[node] = 0
        self.nodes[:0] = unused

    def _ordered_layers(self, first_seen: dict[Layer, int]) -> list[Layer]:
        depths: dict[Layer, int] = {}
        for node in self.nodes:
            depths[node.layer] = max(self.depths[node], depths.get(node.layer, 0))
        in_depth_order = sorted(depths, key=first_seen.__getitem__)
        return sorted(in_depth_order, key=lambda layer: -depths[layer])

    def lower(self, graph: Graph, values: Sequence[Value]) -> list[Value]:
        """Add the operations of all layers to a graph.

        Args:
            graph: the graph being put together.
            values: one for each input.

        Returns:
            One value for each output.
        """
        known = {id(tensor): value for tensor, value in zip(self.inputs, values, strict=True)}
        for node in self._computed_nodes():
            layer = node.layer
            with layer.errors_named(), graph.mode(node.training):
                results = layer.lower(graph, *(known[id(tensor)] for tensor in node.inputs))
                if layer.activity_regularizer is not None:
                    graph.penalize(flatten(results), layer.activity_regularizer)
            values = [known[id(tensor)] for tensor in node.inputs]
            marked = layer.with_masks(graph, values, flatten(results))
            for tensor, value in zip(node.outputs, marked, strict=True):
                known[id(tensor)] = value
        return [known[id(tensor)] for tensor in self.outputs]

    def output_tensors(self, inputs: Sequence[KerasTensor]) -> list[KerasTensor]:
        """Work out the outputs for other inputs than the network was made of.

        Args:
            inputs: one KerasTensor for each input; their shapes may differ from those of `inputs`.

        Returns:
            New tensors, which belong to no layer.
        """
        known = {id(old): new for old, new in zip(self.inputs, inputs, strict=True)}
        for node in self._computed_nodes():
            leaves = [known[id(tensor)] for tensor in node.inputs]
            arguments = pack_like(node.input_structure, leaves)
            with node.layer.errors_named():
                node.layer.check_inputs(shapes_of(arguments))
                results = flatten(node.layer.compute_output_spec(arguments))
            known |= {id(old): new for old, new in zip(node.outputs, results, strict=True)}
        return [known[id(tensor)] for tensor in self.outputs]

    def replay(
        self, inputs: Sequence[KerasTensor], substitutes: Mapping[Layer, Layer] | None = None
    ) -> list[KerasTensor]:
        """Make all calls again, on other inputs.

        Args:
            inputs: one KerasTensor for each input, of the same shapes.
            substitutes: the layer to call in place of each layer; by default the same.

        Returns:
            The outputs, which the layers remember as those of another call.
        """
        known = {id(old): new for old, new in zip(self.inputs, inputs, strict=True)}
        for node in self._computed_nodes():
            layer = node.layer if substitutes is None else substitutes[node.layer]
            leaves = [known[id(tensor)] for tensor in node.inputs]
            arguments = pack_like(node.input_structure, leaves)
            results = flatten(layer(arguments, training=node.training))
            known |= {id(old): new for old, new in zip(node.outputs, results, strict=True)}
        return [known[id(tensor)] for tensor in self.outputs]

    @cached_property
    def asks_for_training(self) -> bool:
        """Whether a call says `training=True`: predictions then follow chance or the batch."""
        return any(node.training or node.layer.asks_for_training for node in self.nodes)

    def nodes_of(self, layer: Layer) -> list[Node]:
        """List the applications of a layer that belong to the network, in the order made.

        Args:
            layer: one of `layers`.
        """
        return [node for node in layer.inbound_nodes if node in self.depths]

    def index_of(self, tensor: KerasTensor) -> tuple[str, int, int]:
        """Locate a tensor for a config file.

        Args:
            tensor: made inside the network.

        Returns:
            Name of its layer, which of the layer's nodes in this network, which of its outputs.
        """
        assert tensor.history is not None
        layer, _, position = tensor.history
        return layer.name, self.nodes_of(layer).index(producer(tensor)), position

    def _computed_nodes(self) -> Iterator[Node]:
        return (node for node in self.nodes if not node.is_input)


def _depths(nodes: list[Node]) -> dict[Node, int]:
    """Measure how far each node is from the outputs; all nodes of a layer share its largest."""
    inside = set(nodes)
    of_node: dict[Node, int] = {}
    of_layer: dict[Layer, int] = {}
    for node in reversed(nodes):
        depth = max(of_node.get(node, 0), of_layer.get(node.layer, 0))
        of_node[node] = of_layer[node.layer] = depth
        for parent in _known_parents(node):
            if parent in inside:
                of_node[parent] = max(depth + 1, of_node.get(parent, 0))
    return of_node


def _known_parents(node: Node) -> list[Node]:
    return [producer(tensor) for tensor in node.inputs if tensor.history is not None]


def _check_names(layers: list[Layer]) -> None:
    for name, count in Counter(layer.name for layer in layers).items():
        if count > 1:
            raise ValueError(
                f'The name "{name}" is used {count} times in the model. '
                "All layers of a model must have different names."
            )
