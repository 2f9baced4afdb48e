"""The table that `summary` prints: what stands in it, whatever it looks like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.placed import shapes_of
from cnnfast.engine.structure import flatten_shapes
from cnnfast.engine.topology import Network
from cnnfast.engine.variable import Variable
from cnnfast.models import summary_plain, summary_rich

if TYPE_CHECKING:
    from cnnfast.models.model import Model

STYLES: Final = {"keras3": summary_rich.print_table, "plain": summary_plain.print_table}


class Options(NamedTuple):
    """How the table is to look; see `Model.summary`."""

    line_length: int | None
    positions: Sequence[float] | None
    print_fn: Callable[[str], Any] | None
    expand_nested: bool
    show_trainable: bool
    layer_range: Sequence[str] | None


class Row(NamedTuple):
    """One layer.

    Attributes:
        name: of the layer.
        kind: its class.
        shape: of its output, "?" while unknown.
        parameters: number of elements in its variables; None while it has not been built.
        connections: where its inputs come from, such as "conv2d[0][0]".
        trained: "Y", "N", or "-" for layers without variables.
        level: 0 for the model's own layers, 1 for those of models in it, and so on.
    """

    name: str
    kind: str
    shape: str
    parameters: int | None
    connections: list[str]
    trained: str
    level: int


class Totals(NamedTuple):
    """Parameters of the whole model and the bytes they take."""

    trainable: int
    trainable_bytes: int
    frozen: int
    frozen_bytes: int


class Table(NamedTuple):
    """Everything a summary says."""

    name: str
    rows: list[Row]
    totals: Totals
    branches: bool


def print_summary(model: Model, options: Options, style: str) -> None:
    """Print a table of a model's layers.

    Args:
        model: built or not.
        options: how it is to look.
        style: one of STYLES.

    Raises:
        ValueError: the style is unknown, no layer matches or the table is too narrow.
    """
    if style not in STYLES:
        raise ValueError(f"`style` must be one of {list(STYLES)}. Received: style={style!r}")
    STYLES[style](table_of(model, options), options)


def table_of(model: Model, options: Options) -> Table:
    """Collect what a summary says.

    Args:
        model: built or not.
        options: which layers to show.
    """
    network = model.shown_network
    layers = select_layers(model.layers, options.layer_range)
    rows = [row for layer in layers for row in _rows(layer, network, options.expand_nested)]
    return Table(model.name, rows, totals_of(model), network is not None and _branches(network))


def totals_of(model: Layer) -> Totals:
    """Count a model's parameters.

    Args:
        model: built or not.
    """
    trainable, frozen = model.trainable_weights, model.non_trainable_weights
    return Totals(_count(trainable), _bytes(trainable), _count(frozen), _bytes(frozen))


def _count(variables: list[Variable]) -> int:
    return sum(prod(variable.shape) for variable in variables)


def _bytes(variables: list[Variable]) -> int:
    return sum(variable.value.nbytes for variable in variables)


def select_layers(layers: list[Layer], names: Sequence[str] | None) -> list[Layer]:
    """Cut the layers from one to another out of a list.

    Args:
        layers: all layers.
        names: names or regular expressions of the first and the last layer; None for all.

    Raises:
        ValueError: `names` is no pair of strings, or one of them matches no layer.
    """
    if names is None:
        return layers
    if len(names) != 2 or not all(isinstance(name, str) for name in names):
        raise ValueError(
            "`layer_range` must be two names, of the first and the last layer. "
            f"Received: layer_range={names!r}"
        )
    first, last = (
        [index for index, layer in enumerate(layers) if re.match(name, layer.name)]
        for name in names
    )
    if not first or not last:
        raise ValueError(
            "`layer_range` must name layers of the model. "
            f"Received: layer_range={names!r}. The layers are: {[layer.name for layer in layers]}"
        )
    start, stop = min(first), max(last)
    return layers[start : stop + 1] if start <= stop else layers[min(last) : max(first) + 1]


def _rows(
    layer: Layer, network: Network | None, expand_nested: bool, level: int = 0
) -> Iterator[Row]:
    has_variables = layer.built and layer.weights
    yield Row(
        layer.name,
        type(layer).__name__,
        _shape_text(layer),
        layer.count_params() if layer.built else None,
        _connections(layer, network),
        ("Y" if layer.trainable else "N") if has_variables else "-",
        level,
    )
    if expand_nested:
        for inner in getattr(layer, "layers", ()):
            yield from _rows(inner, network, expand_nested, level + 1)


def _shape_text(layer: Layer) -> str:
    if layer.inbound_nodes:
        shapes = flatten_shapes(shapes_of(layer.inbound_nodes[-1].output_structure))
    elif layer.build_shape is not None:
        shapes = flatten_shapes(layer.compute_output_shape(layer.build_shape))
    else:
        return "?"
    return str(shapes[0]) if len(shapes) == 1 else str(shapes)


def _connections(layer: Layer, network: Network | None) -> list[str]:
    if network is None:
        return []
    tensors = [t for node in layer.inbound_nodes if node in network.depths for t in node.inputs]
    histories = [tensor.history for tensor in tensors if tensor.history is not None]
    return [f"{layer.name}[{node}][{index}]" for layer, node, index in histories]


def _branches(network: Network) -> bool:
    """Tell whether the model is more than a stack: layers side by side, joined or shared."""
    per_depth = Counter(network.depths.values())
    calls = Counter(node.layer for node in network.nodes)
    return (
        max(per_depth.values()) > 1
        or max(calls.values()) > 1
        or any(len(node.inputs) > 1 for node in network.nodes)
    )
