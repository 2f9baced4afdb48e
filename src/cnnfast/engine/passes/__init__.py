"""Rewriting a graph into one that computes the same with less work.

Each pass is a pure function from graph to graph, in a file of its own; `PASSES` is their order.
Folding comes before fusing, because a folded scale brings an activation next to its producer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cnnfast.engine.graph import Graph
from cnnfast.engine.passes.border import merge_borders
from cnnfast.engine.passes.budget import spare_memory
from cnnfast.engine.passes.delay import delay_activations
from cnnfast.engine.passes.embed import fold_embeddings
from cnnfast.engine.passes.fold import fold_into_consumers, fold_into_producers
from cnnfast.engine.passes.fuse import fuse_activations
from cnnfast.engine.passes.identity import drop_identities
from cnnfast.engine.passes.lanes import run_in_lanes
from cnnfast.engine.passes.pool import fuse_pooling
from cnnfast.engine.passes.residual import fuse_residuals
from cnnfast.engine.passes.scales import delay_scales
from cnnfast.engine.passes.strips import fuse_strips
from cnnfast.engine.passes.transposes import put_off_transposes
from cnnfast.engine.passes.unread import leave_unread

PASSES: Final[tuple[Callable[[Graph], Graph], ...]] = (
    drop_identities,
    put_off_transposes,
    fold_into_producers,
    delay_scales,
    fold_into_consumers,
    fuse_residuals,
    fuse_activations,
    merge_borders,
    delay_activations,
    leave_unread,
    fold_embeddings,
    spare_memory,
    run_in_lanes,
    fuse_pooling,
    fuse_strips,
)


def optimize(graph: Graph) -> Graph:
    """Apply all passes.

    Args:
        graph: is not changed.

    Returns:
        A graph with the same inputs, and outputs that are equal up to rounding.
    """
    for apply in PASSES:
        graph = apply(graph)
    return graph
