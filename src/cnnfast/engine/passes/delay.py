"""Activations past max pooling: max(f(a), f(b)) = f(max(a, b)) where f never falls.

A clamp costs nothing in the registers of a convolution and stays there. What costs an exponential
per element is applied to the quarter of the elements that 2 x 2 pooling leaves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cnnfast.engine.graph import Graph, Operation
from cnnfast.engine.passes.rewrite import Rewriter
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.elementwise import LINEAR, Activate
from cnnfast.ops.pooling import GlobalPooling, Pooling

NEVER_FALLING: Final = frozenset(
    {"elu", "celu", "exponential", "hard_sigmoid", "log_sigmoid", "selu", "sigmoid", "softplus",
     "softsign", "squareplus", "tanh"}
)  # fmt: skip


def delay_activations(graph: Graph) -> Graph:
    """Apply costly activations of convolutions after the max pooling behind them."""
    rewriter = Rewriter(graph)
    for operation in graph.operations:
        before = rewriter.maker(operation)
        if before is None or not can_swap(before, operation):
            rewriter.keep(operation)
            continue
        convolution = before.op
        assert isinstance(convolution, Convolution)
        rewriter.drop(before)
        linear = replace(convolution, activation=LINEAR)
        pooled = rewriter.replace(
            operation, operation.op, rewriter.replace(before, linear, *before.inputs)
        )
        rewriter.replace(operation, Activate(convolution.activation), pooled)
    return rewriter.graph()


def can_swap(before: Operation, operation: Operation) -> bool:
    """Whether these are a convolution with a costly activation and max pooling."""
    convolution, pooling = before.op, operation.op
    return (
        isinstance(convolution, Convolution)
        and isinstance(pooling, Pooling | GlobalPooling)
        and pooling.kind == "max"
        and operation.inputs[0].shape == before.output.shape
        and convolution.activation[0] in NEVER_FALLING
        and min(convolution.activation[1:]) >= 0
    )
