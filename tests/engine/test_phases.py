"""Steps of training, cut where sums over the batch are needed."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.phases import cut_phases, place_values
from cnnfast.ops.base import Op
from cnnfast.ops.batch_normalization import BatchMoment, BatchNormalize, BatchSums
from cnnfast.ops.elementwise import Activate, Add

RELU = Activate(("relu", 0.0, np.inf, 0.0))
GELU = Activate(("gelu", 0.0, 0.0, 0.0))


def normalize(graph: Graph, value: Value) -> Value:
    moving = np.zeros(value.shape[-1], np.float32)
    sums = graph.add(BatchSums(), value)
    moments = [graph.add(BatchMoment(kind, moving, 0.9), sums) for kind in ("mean", "variance")]
    return graph.add(BatchNormalize(None, None, 1e-3), value, *moments)


def kinds(operations: list) -> list[type[Op]]:
    return [type(operation.op) for operation in operations]


def test_cut_phases_without_sums_is_one_phase_in_order() -> None:
    graph = Graph()
    value = graph.input((4, 3))
    for _ in range(3):
        value = graph.add(RELU, value)
    (phase,) = cut_phases(graph.operations)
    assert phase.images == graph.operations
    assert phase.batch == []


def test_cut_phases_readers_of_sums_wait_for_all_groups() -> None:
    graph = Graph()
    first = normalize(graph, graph.add(GELU, graph.input((4, 3))))
    normalize(graph, graph.add(GELU, first))
    phases = cut_phases(graph.operations)
    assert [kinds(phase.images) for phase in phases] == [
        [Activate, BatchSums],
        [BatchNormalize, Activate, BatchSums],
        [BatchNormalize],
    ]
    assert [len(phase.batch) for phase in phases] == [2, 2, 0]


def test_cut_phases_branches_share_their_phases() -> None:
    graph = Graph()
    value = graph.input((4, 3))
    one, two = (normalize(graph, graph.add(GELU, value)) for _ in range(2))
    graph.add(Add(), one, two)
    assert len(cut_phases(graph.operations)) == 2


def test_cut_phases_normalized_values_are_computed_again_where_a_later_phase_reads_them() -> None:
    graph = Graph()
    first = normalize(graph, graph.add(GELU, graph.input((4, 3))))
    second = normalize(graph, graph.add(GELU, first))
    seen = graph.reshape(first, (12,))
    graph.add(Add(), seen, graph.reshape(second, (12,)))
    last = cut_phases(graph.operations)[-1]
    assert kinds(last.images).count(BatchNormalize) == 2
    added = last.images[-1]
    assert added.inputs[0].shape == (12,)
    makers = [operation.output for operation in last.images]
    assert all(value.root in makers for value in added.inputs)


def test_place_values_what_lives_at_the_same_time_does_not_overlap() -> None:
    graph = Graph()
    value = graph.input((5, 3))
    for _ in range(4):
        value = graph.add(Add(), graph.add(GELU, normalize(graph, graph.add(GELU, value))), value)
    phases = cut_phases(graph.operations)
    moments = {operation.output for phase in phases for operation in phase.batch}
    places = place_values(phases, {value, *graph.inputs, *moments})
    lives: dict[Value, list[int]] = {}
    for index, phase in enumerate(phases):
        for operation in phase.images:
            for one in (operation.output, *(v.root for v in operation.inputs)):
                lives.setdefault(one, [index, index])[1] = index
    crossing = [one for one in lives if places.slots.get(one, ("",))[0] == "wave"]
    assert len(crossing) > 3
    for one, other in combinations(crossing, 2):
        if lives[one][0] <= lives[other][1] and lives[other][0] <= lives[one][1]:
            (_, start, size), (_, begin, length) = places.slots[one], places.slots[other]
            assert start + size <= begin or begin + length <= start
    for one in lives:
        if places.slots.get(one, ("",))[0] == "arena":
            assert lives[one][0] == lives[one][1]
    assert places.sums == sorted(places.sums)


@pytest.mark.parametrize("count", [1, 3])
def test_place_values_sums_are_complete_behind_their_phase(count: int) -> None:
    graph = Graph()
    value = graph.input((2, 20))
    for _ in range(count):
        value = normalize(graph, value)
    phases = cut_phases(graph.operations)
    places = place_values(phases, {operation.output for p in phases for operation in p.batch})
    # 41 numbers in float64, in whole cache lines.
    assert places.sums == [*(96 * (index + 1) for index in range(count)), 96 * count]
