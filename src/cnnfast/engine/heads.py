"""Where a network ends in training: losses and their gradients behind its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.ops.elementwise import Activate, Add, RowActivate
from cnnfast.ops.losses import LossGradient, LossKind, LossValue
from cnnfast.ops.penalties import Penalty, PenaltyGradient


class Head(NamedTuple):
    """What becomes of an output.

    Attributes:
        kind: of the loss; None if the gradient of the output comes from outside.
        smoothing: of the targets.
        on_logits: "softmax" or "sigmoid" where the loss takes what that activation, the last
            operation of the network, is applied to; None where it takes the output.
    """

    kind: LossKind | None
    smoothing: float = 0.0
    on_logits: str | None = None


class Losses(NamedTuple):
    """What `attach` added.

    Attributes:
        values: of each head with a loss, the loss of each row.
        scales: the inputs, by number, that hold what each of these is multiplied by.
        seeds: gradients by the values that losses depend on.
    """

    values: list[Value]
    scales: list[int]
    seeds: dict[Value, Value]


class Penalized(NamedTuple):
    """A penalty on a value, l1 |x| + l2 x^2 summed over each image.

    Attributes:
        value: what it is on.
        l1: factor of the absolute values.
        l2: factor of the squares.
    """

    value: Value
    l1: float
    l2: float


def attach_penalties(graph: Graph, penalties: Sequence[Penalized], losses: Losses) -> None:
    """Add penalties to losses, and one input for the share that each image has in them.

    Args:
        graph: the forward pass.
        penalties: on values of it.
        losses: to be added to.
    """
    if not penalties:
        return
    number = len(graph.inputs)
    share = graph.input((1,))
    for value, l1, l2 in penalties:
        losses.scales.append(number)
        losses.values.append(graph.add(Penalty(l1, l2), value))
        gradient = graph.add(PenaltyGradient(l1, l2), value, share)
        if value in losses.seeds:
            gradient = graph.add(Add(), losses.seeds[value], gradient)
        losses.seeds[value] = gradient


def attach(graph: Graph, heads: Sequence[Head | None], outputs: Sequence[Value]) -> Losses:
    """Add losses, their gradients, and inputs for what they need.

    Args:
        graph: the forward pass, activations apart.
        heads: one for each output; None for an output that trains nothing.
        outputs: of the model.
    """
    losses = Losses([], [], {})
    for head, output in zip(heads, outputs, strict=True):
        if head is None:
            continue
        value = logits_of(graph, output, head.on_logits)
        if head.kind is None:
            gradient = graph.input(output.shape)
            if value in losses.seeds:
                gradient = graph.add(Add(), losses.seeds[value], gradient)
            losses.seeds[value] = gradient
            continue
        rows = output.shape[:-1]
        targets = graph.input(rows, "int32") if head.kind == "sparse" else graph.input(output.shape)
        losses.scales.append(len(graph.inputs))
        scales = graph.input(rows)
        losses.values.append(graph.add(LossValue(head.kind, head.smoothing), value, targets))
        gradient = graph.add(LossGradient(head.kind, head.smoothing), value, targets, scales)
        losses.seeds[value] = gradient
    return losses


def logits_of(graph: Graph, output: Value, activation: str | None) -> Value:
    """Give what the last activation of a network is applied to, in the shape of its output.

    Args:
        graph: activations apart.
        output: of the model.
        activation: its name; None for the output itself.

    Raises:
        ValueError: another operation makes the output.
    """
    if activation is None:
        return output
    operation = maker_of(graph, output)
    if operation is None or last_activation(graph, output) != activation:
        raise ValueError(f"No {activation} makes this output.")
    return graph.reshape(operation.inputs[0], output.shape)


def last_activation(graph: Graph, output: Value) -> str | None:
    """Name the softmax or sigmoid that makes an output; None if something else does.

    Args:
        graph: activations apart.
        output: of the model.
    """
    operation = maker_of(graph, output)
    if operation is None or operation.output.shape != output.shape:
        return None
    if isinstance(operation.op, RowActivate) and operation.op.name == "softmax":
        return "softmax"
    if isinstance(operation.op, Activate) and operation.op.activation[0] == "sigmoid":
        return "sigmoid"
    return None


def maker_of(graph: Graph, value: Value) -> Operation | None:
    """Find the operation that makes a value; None for an input.

    Args:
        graph: where to look.
        value: any, in any shape.
    """
    makers = [operation for operation in graph.operations if operation.output is value.root]
    return makers[0] if makers else None
