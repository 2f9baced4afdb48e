"""From a model to what a training step runs: forward, losses, backward, and weights packed anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.region import Work
from cnnfast._kernels.repack import Repacker
from cnnfast._kernels.step import Kernel
from cnnfast._kernels.trainer import TrainingProgram
from cnnfast.engine.differentiate import constants_of, differentiate, trained_fields
from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.engine.heads import Head, Penalized, attach, attach_penalties
from cnnfast.engine.moving import MovingAverages
from cnnfast.engine.parameters import Parameters
from cnnfast.engine.passes.reversible import bind_parameters, fuse_reversible, split_activations
from cnnfast.engine.phases import Phase, Places, cut_phases, place_values
from cnnfast.engine.plan import live_operations, prepare, sizes, slots_of, with_own_outputs
from cnnfast.engine.table_gradients import TableGradients
from cnnfast.ops.batch_normalization import BatchMoment
from cnnfast.ops.gradients import packing_of
from cnnfast.ops.renorm import RenormCorrection
from cnnfast.threads import thread_count

# What a thread's group keeps between forward and backward: three quarters of a 1 MB L2.
GROUP_FLOATS: Final = 192 * 1024
# Where weights do not fit there either, they and their gradient are read and written for each
# group: it is worth as much memory, up to 16 MB. The CIFAR network takes 27 % less time for it,
# with 7 images instead of 1.
GROUP_SHARE: Final = 2
LARGEST_GROUP_FLOATS: Final = 4 * 2**20
# Beyond this many images a group's fixed costs are spread already.
LARGEST_GROUP: Final = 64
# Sums that are kept apart, for so many threads to work on one step; fewer where they would take
# more than 64 MB.
SLOTS: Final = 16
SLOTS_FLOATS: Final = 16 * 2**20
# A step with less work is not worth a second thread, and need not be cut for one.
SHARED_WORK: Final = 2e6


class Result(NamedTuple):
    """What a step computed beside the gradient.

    Attributes:
        loss: weighted and summed over the batch; None where an index lay outside its table.
        predictions: the model's outputs; none where they are not asked for.
        values: of each head with a loss, the loss of each row.
    """

    loss: float | None
    predictions: list[NDArray[Any]]
    values: list[NDArray[Any]]


class TrainingPlan:
    """A graph with its gradients, ready to run on any number of images.

    Args:
        graph: the network, lowered for training, with its outputs; it is changed.
        heads: what becomes of each output.
        parameters: the weights that train.
        moving: averages that follow the statistics of batches.
        predicts: whether `run` returns the model's outputs.
        trains: whether gradients are computed.
        penalties: l1 and l2 of those on the graph's outputs behind the model's.

    Attributes:
        unused: the weights that no loss depends on, by their places among `parameters`.
        tables: embeddings, whose gradients are added up behind a step.

    Raises:
        NotImplementedError: the network cannot be differentiated, or uses a weight in a way that
            is not known to train.
    """

    def __init__(
        self,
        graph: Graph,
        heads: Sequence[Head | None],
        parameters: Parameters,
        moving: Parameters,
        predicts: bool,
        trains: bool = True,
        penalties: Sequence[tuple[float, float]] = (),
    ) -> None:
        self._version = -1
        self._parameters, self._moving_values = parameters, moving
        graph = split_activations(bind_parameters(graph, parameters))
        predictions, penalized = graph.outputs[: len(heads)], graph.outputs[len(heads) :]
        graph.outputs.clear()
        losses = attach(graph, heads, predictions)
        pairs = zip(penalized, penalties, strict=True)
        attach_penalties(graph, [Penalized(value, *factors) for value, factors in pairs], losses)
        for value in losses.values:
            graph.output(value)
        for value in predictions if predicts else ():
            graph.output(value)
        graph, seeds = _fused(graph, losses.seeds)
        sums: dict[Value, int] = {}
        self.unused: list[int] = []
        if trains:
            concerned = live_operations(graph.operations, tuple(seeds))
            sums = differentiate(graph, seeds, parameters)
            self.unused = self._without_gradient(concerned, set(sums.values()))
        self.tables = TableGradients(graph, sums, parameters)
        self._bind(graph, sums, losses.scales)

    def _without_gradient(self, concerned: list[Operation], found: set[int]) -> list[int]:
        """List the weights without one, which operations that a loss depends on do not use."""
        used = {
            offset
            for operation in concerned
            for offset in trained_fields(operation.op, self._parameters).values()
        }
        for offset in used - found:
            raise NotImplementedError(
                f"Training of the weight '{self._parameters.at(offset).path}' is not supported: "
                "its layer uses it in a way that cannot be differentiated."
            )
        offsets = self._parameters.offsets
        return [index for index, offset in enumerate(offsets) if offset not in found]

    def _bind(self, graph: Graph, sums: dict[Value, int], scales: list[int]) -> None:
        operations, outputs = with_own_outputs(graph)
        operations = live_operations(operations, (*outputs, *sums))
        operations = [self._with_live_averages(operation) for operation in operations]
        inputs = tuple(graph.inputs)
        slots: dict[Value, Any] = {value: ("gradient", sums[value], 0) for value in sums}
        slots |= {value: ("input", i, value.size) for i, value in enumerate(inputs)}
        slots |= {value.root: ("output", i, value.size) for i, value in enumerate(outputs)}
        slots |= self._place_moments(operations)
        phases = cut_phases(operations)
        places = place_values(phases, set(slots))
        slots |= places.slots
        operations = [operation for phase in phases for part in phase for operation in part]
        kernels = [prepare(operation) for operation in operations]
        steps: list[Any] = [
            (kernel, slots_of(operation.inputs, slots), slots[operation.output])
            for operation, kernel in zip(operations, kernels, strict=True)
        ]
        self._program = TrainingProgram(
            steps, _borders(phases, places), sizes(inputs), sizes(outputs), places.wave,
            self.tables.dense, len(self._moments), tuple(enumerate(scales)),
        )  # fmt: skip
        self._footprints = list(map(sum, zip(places.arenas, places.crossing, strict=True)))
        self._values = len(scales)
        self._shapes = [value.shape for value in outputs[: len(outputs) - len(self.tables)]]
        self._repacker = Repacker(self._packed(operations, kernels))

    def _with_live_averages(self, operation: Operation) -> Operation:
        """Let corrections read moving averages where they lie."""
        if not isinstance(operation.op, RenormCorrection):
            return operation
        views: dict[str, Any] = {
            name: view
            for name, array in constants_of(operation.op).items()
            if (view := self._moving_values.view_of(array)) is not None
        }
        return replace(operation, op=replace(operation.op, **views))

    def _place_moments(self, operations: list[Operation]) -> dict[Value, Any]:
        """Give the statistics of the batch the places that the moving ones have."""
        moments = [operation for operation in operations if isinstance(operation.op, BatchMoment)]
        self._moving = MovingAverages(self._moving_values, [operation.op for operation in moments])
        places = {
            operation.output: place
            for operation, place in zip(moments, self._moving.places, strict=True)
        }
        for operation in operations:
            if isinstance(operation.op, RenormCorrection):
                statistics = [places[value] for value in operation.inputs]
                places[operation.output] = self._moving.correct(operation.op, *statistics)
        self._moments = self._moving.fresh
        return {value: ("moment", place, 0) for value, place in places.items()}

    def _packed(self, operations: list[Operation], kernels: list[Kernel]) -> list[Any]:
        """List the kernels that hold copies of weights that train."""
        found = []
        for operation, kernel in zip(operations, kernels, strict=True):
            packing = packing_of(operation.op)
            if packing is None:
                continue
            arrays = (packing.weights, packing.bias)
            if any(self._parameters.offset_of(array) is not None for array in arrays):
                found.append((kernel, *packing))
        return found

    def run(
        self, inputs: list[NDArray[Any]], version: int = 0, updates: Sequence[Work] = ()
    ) -> Result:
        """Fill the gradient of all weights with that of a batch.

        Args:
            inputs: C-contiguous arrays of the model's inputs, then of each head: targets and
                scales, or the gradient of the output; then of penalties the share of each image.
            version: of the weights: where it is not the last one, kernels pack them anew.
            updates: what follows in the same parallel region, if no index is out of range.

        Threads: results are bit-identical for any number of them. Not for two Python threads at
        once.
        """
        images, tables = len(inputs[0]), self.tables
        outputs = [np.empty((images, *shape), np.float32) for shape in self._shapes]
        received = tables.room(images)
        loss = self._program.run(
            inputs, outputs + received, self._parameters.gradients[: tables.dense], self._moments,
            images, self.groups(images), self.slots, thread_count(),
            () if version == self._version else (self._repacker,),
            (*tables.note(inputs, received), *updates),
        )  # fmt: skip
        self._version = version
        if loss is None:
            tables.forget()
        return Result(loss, outputs[self._values :], outputs[: self._values])

    def update_moving(self) -> None:
        """Let moving averages follow the statistics of the batch that was run last."""
        self._moving.update()

    def groups(self, images: int) -> tuple[int, ...]:
        """Count the images that a thread takes through all steps of each phase together.

        Args:
            images: of the batch.
        """
        most = images
        if self._program.work * images > SHARED_WORK:
            most = -(-images // self.slots)
        shared = min(GROUP_SHARE * self.tables.dense, LARGEST_GROUP_FLOATS)
        room = max(GROUP_FLOATS, shared)
        return tuple(
            min(max(room // max(floats, 1), 1), LARGEST_GROUP, most) for floats in self._footprints
        )

    @property
    def slots(self) -> int:
        """Sums that are kept apart until the end of a step."""
        length = max(self.tables.dense, 1)
        return max(2, min(SLOTS, SLOTS_FLOATS // length))


def _borders(phases: list[Phase], places: Places) -> tuple[tuple[int, int, int, int, int], ...]:
    """List of each phase: its first step, the first for the batch, the end; arena and sums."""
    borders, first = [], 0
    for phase, arena, sums in zip(phases, places.arenas, places.sums, strict=True):
        border = first + len(phase.images)
        borders.append((first, border, border + len(phase.batch), arena, sums))
        first = border + len(phase.batch)
    return tuple(borders)


def _fused(graph: Graph, seeds: dict[Value, Value]) -> tuple[Graph, dict[Value, Value]]:
    """Fuse activations; the ends of the graph, which seeds stand for, are kept as outputs."""
    pairs = [value for pair in seeds.items() for value in pair]
    count = len(graph.outputs)
    graph.outputs += pairs
    graph = fuse_reversible(graph)
    ends = graph.outputs[count:]
    del graph.outputs[count:]
    return graph, dict(zip(ends[::2], ends[1::2], strict=True))
