"""Activations into the operation before them: applied while the result is in registers or L1."""

from __future__ import annotations

from dataclasses import replace

from cnnfast.engine.graph import Graph
from cnnfast.engine.passes.rewrite import merge_into_producers
from cnnfast.ops.base import Op
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import LINEAR, Activate
from cnnfast.ops.normalization import ScaleShift


def fuse_activations(graph: Graph) -> Graph:
    """Let convolutions and matrix products apply the activation behind them."""
    return merge_into_producers(graph, activated)


def activated(first: Op, second: Op) -> Op | None:
    """Merge producer -> activation."""
    producers = Convolution | Dense | Depthwise | ScaleShift
    if not isinstance(second, Activate) or not isinstance(first, producers):
        return None
    return replace(first, activation=second.activation) if first.activation == LINEAR else None
