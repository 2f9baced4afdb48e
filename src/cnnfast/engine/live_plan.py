"""Plans of what a layer or model computes in training, without a step: chance, and the batch.

Dropout, noise and the statistics of a batch also occur in predictions, where a call inside a model
says `training=True`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cnnfast.clock import CLOCK
from cnnfast.engine.graph import Graph
from cnnfast.engine.plan import Plan, compile_graph, describe_bad_id, tables_of
from cnnfast.engine.variable import Variable
from cnnfast.random import draw_seed

# A plan of training is not for two Python threads at once, nor are moving averages, which must
# stand still while a plan is made too.
LOCK: Final = threading.RLock()


class LivePlan:
    """A graph ready to run on batches, whose outputs follow from more than a sample and weights.

    Args:
        graph: made by layers; it is changed.
        weights: of these layers.
        steps: numbers the runs: layers with a seed of their own draw the same in runs of a number.
    """

    def __init__(self, graph: Graph, weights: Sequence[Variable], steps: Iterator[int]) -> None:
        # Who only predicts need not load what trains: 60 modules, 8 MB.
        from cnnfast.engine.parameters import Parameters
        from cnnfast.engine.training_plan import TrainingPlan

        self._steps = steps
        self._draws_at = None if graph.draws is None else graph.inputs.index(graph.draws)
        self._is_seeded = any(_is_seeded(operation.op) for operation in graph.operations)
        self._inputs = tuple(value for value in graph.inputs if value is not graph.draws)
        self._tables = tables_of(graph.operations, self._inputs)
        self._freezes = CLOCK.freezes
        self._fixed = [v for v in weights if v in graph.folded or v not in graph.moved]
        self._versions = [variable.version for variable in self._fixed]
        self._moving = Parameters(list(dict.fromkeys(graph.moved)))
        self._refolds = not set(graph.folded).isdisjoint(graph.moved)
        nothing = [None] * len(graph.outputs)
        self._plan = TrainingPlan(
            graph, nothing, Parameters([]), self._moving, predicts=True, trains=False
        )

    def is_current(self) -> bool:
        """Whether nothing has changed since that the plan holds a copy of or depends on."""
        if self._refolds or self._freezes != CLOCK.freezes:
            return False
        return self._versions == [variable.version for variable in self._fixed]

    def run(
        self, inputs: list[NDArray[Any]], outputs: list[NDArray[Any]] | None = None
    ) -> list[NDArray[Any]]:
        """Compute the outputs for a batch; moving averages follow it.

        Args:
            inputs: C-contiguous arrays of the inputs' shapes and dtypes, batch axis first.
            outputs: arrays to fill; None to make them.

        Returns:
            The outputs.

        Raises:
            ValueError: there is no sample, or an embedding met an id outside its table; moving
                averages are as before.

        Threads: calls of several Python threads take turns.
        """
        images = len(inputs[0])
        if not images:
            raise ValueError("What layers do in training takes at least one sample.")
        fed = list(inputs)
        if self._draws_at is not None:
            fed.insert(self._draws_at, self._draws(images))
        with LOCK:
            if not self._moving.is_current():
                self._moving.take_over()
            result = self._plan.run(fed)
            if result.loss is None:
                raise ValueError(describe_bad_id(self._tables, inputs))
            if self._moving.variables:
                self._plan.update_moving()
                self._moving.mark_changed()
                CLOCK.time += self._refolds
        if outputs is None:
            return result.predictions
        for output, computed in zip(outputs, result.predictions, strict=True):
            output[...] = computed
        return outputs

    def _draws(self, images: int) -> NDArray[np.uint32]:
        """Give what random numbers follow from: place in the batch, run, and a seed of the run."""
        counters = np.zeros((images, 3), np.uint32)
        counters[:, 0] = np.arange(images)
        # Only for seeds of layers: `set_seed` alone decides what all others draw.
        counters[:, 1] = next(self._steps) % 2**32 if self._is_seeded else 0
        counters[:, 2] = draw_seed() % 2**32
        return counters


def _is_seeded(op: Any) -> bool:
    stream = getattr(op, "stream", None)
    return stream is not None and stream.ignores_run


def make_plan(graph: Graph, weights: Sequence[Variable], steps: Iterator[int]) -> Plan | LivePlan:
    """Make a plan for predictions, live only where it must be.

    Args:
        graph: made by layers; it may be changed.
        weights: of these layers.
        steps: see `LivePlan`.
    """
    scopes = {operation.op.scope for operation in graph.operations}
    if graph.draws is None and scopes <= {"image"}:
        return compile_graph(graph, weights)
    return LivePlan(graph, weights, steps)
