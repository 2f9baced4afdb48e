"""Passes for training: weights where they are updated, activations where they can be undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cnnfast.engine.differentiate import constants_of
from cnnfast.engine.graph import Graph
from cnnfast.engine.parameters import Parameters
from cnnfast.engine.passes.fuse import activated
from cnnfast.engine.passes.rewrite import Rewriter, merge_into_producers
from cnnfast.ops.base import Op
from cnnfast.ops.batch_normalization import BatchNormalize
from cnnfast.ops.elementwise import LINEAR, Activate
from cnnfast.ops.gradients import follows_output


def bind_parameters(graph: Graph, parameters: Parameters) -> Graph:
    """Let operations hold the weights where the optimizer updates them.

    Args:
        graph: made by layers, of the values of variables; it is not changed.
        parameters: the weights that train.
    """
    rewriter = Rewriter(graph)
    for operation in graph.operations:
        views = {
            name: view
            for name, array in constants_of(operation.op).items()
            if (view := parameters.view_of(array)) is not None
        }
        if views:
            changed: Any = operation.op
            rewriter.replace(operation, replace(changed, **views), *map_inputs(rewriter, operation))
        else:
            rewriter.keep(operation)
    return rewriter.graph()


def map_inputs(rewriter: Rewriter, operation: Any) -> list[Any]:
    """Give an operation's inputs in the new graph."""
    return [rewriter.current(value) for value in operation.inputs]


def split_activations(graph: Graph) -> Graph:
    """Make operations of their own of the activations that layers let operations apply.

    Args:
        graph: is not changed.
    """
    rewriter = Rewriter(graph)
    for operation in graph.operations:
        op: Any = operation.op
        activation = getattr(op, "activation", LINEAR)
        if activation == LINEAR or isinstance(op, Activate):
            rewriter.keep(operation)
            continue
        inputs = map_inputs(rewriter, operation)
        linear = rewriter.replace(operation, replace(op, activation=LINEAR), *inputs)
        rewriter.replace(operation, Activate(activation), linear)
    return rewriter.graph()


def fuse_reversible(graph: Graph) -> Graph:
    """Fuse the activations whose slope follows from the output: the input need not be kept.

    Args:
        graph: is not changed.
    """
    return merge_into_producers(graph, _activated_reversibly)


def _activated_reversibly(first: Op, second: Op) -> Op | None:
    if not isinstance(second, Activate) or not follows_output(second.activation):
        return None
    if isinstance(first, BatchNormalize) and first.activation == LINEAR:
        return replace(first, activation=second.activation)
    return activated(first, second)
