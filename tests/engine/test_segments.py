"""Cuts of plans: which ones are chosen, and that none changes a result."""

from __future__ import annotations

import sys
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnnfast.engine import plan as plans
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.machine import MACHINES
from cnnfast.engine.plan import Plan
from cnnfast.engine.segments import GROUPS, Costs, Load, Segment, cut_into_segments
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import Activate, Add
from cnnfast.ops.pooling import Pooling

MACHINE = MACHINES["avx512"]
MB = 1 << 20


def normal(*shape: int) -> np.ndarray:
    """Draw a float32 array; the same shape gives the same array."""
    return np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


@st.composite
def random_graphs(draw) -> Graph:
    """Draw networks whose values live for one step or for many, from kernels of all shapes."""
    graph = Graph()
    value = graph.input((18, 15, draw(st.integers(1, 40))))
    kept = value
    for _ in range(draw(st.integers(2, 7))):
        kind = draw(st.sampled_from(["3x3", "1x1", "pool", "add", "gelu", "keep"]))
        channels = value.shape[2]
        if kind == "3x3":
            kernel = normal(3, 3, channels, draw(st.integers(8, 70)))
            value = graph.add(Convolution(kernel / 9, None, padding=((1, 1), (1, 1))), value)
        elif kind == "1x1":
            value = graph.add(Dense(normal(channels, draw(st.integers(1, 70))) / 9), value)
        elif kind == "pool":
            value = graph.add(Pooling("max", (2, 2), (1, 1), ((0, 1), (0, 1))), value)
        elif kind == "gelu":
            value = graph.add(Activate(("gelu", 0.0, np.inf, 0.0)), value)
        elif kind == "add" and kept.shape == value.shape:
            value = graph.add(Add(), kept, value)
        else:
            kept = value
    return with_head(graph, value)


def with_head(graph: Graph, value: Value) -> Graph:
    """End with a matrix product of many more columns than images."""
    flat = graph.reshape(value, (value.size,))
    graph.output(graph.add(Dense(normal(value.size, 150) / 30, normal(150)), flat))
    return graph


def plan_with_cuts(graph: Graph, cuts: list[tuple[int, int]], monkeypatch) -> Plan:
    """Make a plan whose segments are (steps, group); the last one takes what is left."""

    def cut(loads, _machine):
        segments, first = [], 0
        for steps, group in cuts:
            stop = min(first + steps, len(loads))
            if stop > first:
                segments.append(Segment(first, stop, group))
            first = stop
        return [*segments, Segment(first, len(loads), 3)] if first < len(loads) else segments

    with monkeypatch.context() as patch:
        patch.setattr(plans, "cut_into_segments", cut)
        return Plan(graph)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    random_graphs(),
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 5)), max_size=5),
    st.integers(1, 15),
    st.sampled_from([1, 2, 7]),
)
def test_segments_change_no_bit(monkeypatch, graph, cuts, images, threads):
    whole = plan_with_cuts(graph, [(100, 64)], monkeypatch)
    cut = plan_with_cuts(graph, cuts, monkeypatch)
    x = normal(images, *graph.inputs[0].shape)
    expected = whole.run([x], threads=1)[0]
    np.testing.assert_array_equal(cut.run([x], threads=threads)[0], expected)


def large_graph() -> Graph:
    """Build 3x3 -> 3x3 -> + -> dense, enough work per image to be worth several threads."""
    graph = Graph()
    same = ((1, 1), (1, 1))
    image = graph.input((20, 20, 32))
    first = graph.add(Convolution(normal(3, 3, 32, 64) / 9, padding=same), image)
    second = graph.add(Convolution(normal(3, 3, 64, 64) / 9, padding=same), first)
    return with_head(graph, graph.add(Add(), first, second))


CUTS = [
    [(100, 1)], [(100, 0)], [(1, 1), (1, 2), (1, 0), (1, 0)], [(2, 1), (2, 64)],
    [(3, 4), (1, 0)],
]  # fmt: skip


@pytest.mark.parametrize("cuts", CUTS)
def test_segments_shared_steps_and_groups_of_any_size_change_no_bit(isa, monkeypatch, cuts):
    whole = plan_with_cuts(large_graph(), [(100, 64)], monkeypatch)
    cut = plan_with_cuts(large_graph(), cuts, monkeypatch)
    x = normal(16, 20, 20, 32)
    expected = whole.run([x], threads=1)[0]
    for images in (1, 2, 3, 5, 6, 7, 8, 16):
        for threads in (1, 2, 7):
            found = cut.run([np.ascontiguousarray(x[:images])], threads=threads)[0]
            np.testing.assert_array_equal(found, expected[:images])


def test_segments_from_many_python_threads_give_the_same_bits(monkeypatch):
    plan = plan_with_cuts(large_graph(), [(1, 1), (1, 2), (1, 3), (1, 0)], monkeypatch)
    inputs = [normal(images, 20, 20, 32) for images in (1, 2, 5, 9)]
    expected = [plan.run([x], threads=1)[0] for x in inputs]
    failures: list[int] = []

    def predict(which: int) -> None:
        results = (plan.run([inputs[which]], threads=2)[0] for _ in range(20))
        failures.extend(which for y in results if not np.array_equal(y, expected[which]))

    workers = [threading.Thread(target=predict, args=(which,)) for which in (0, 1, 2, 3) * 2]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


def resident_kilobytes() -> int:
    """Read how much memory the process has resident."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@LINUX
def test_memory_does_not_grow_over_ten_thousand_calls(monkeypatch):
    graph = Graph()
    value = graph.add(Dense(normal(40, 30)), graph.input((40,)))
    plan = plan_with_cuts(with_head(graph, value), [(1, 2)], monkeypatch)
    inputs = [normal(images, 40) for images in (1, 7, 64, 3)]
    outputs = [np.empty((len(x), 150), np.float32) for x in inputs]

    def calls(count: int) -> None:
        for call in range(count):
            plan.run([inputs[call % 4]], [outputs[call % 4]], threads=2)

    calls(1000)
    before = resident_kilobytes()
    tracemalloc.start()
    calls(10_000)
    objects = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    # Ten thousand leaks of the smallest block that malloc gives would be 320 KB.
    assert objects < 16 * 1024
    assert resident_kilobytes() - before < 300


@LINUX
def test_memory_of_values_between_segments_is_bounded(monkeypatch):
    graph = Graph()
    value = graph.input((64, 64, 4))
    for _ in range(3):
        value = graph.add(Dense(normal(4, 256)), graph.add(Dense(normal(value.shape[2], 4)), value))
    graph.output(graph.add(Pooling("max", (64, 64), (1, 1)), value))
    plan = plan_with_cuts(graph, [(2, 1), (2, 1), (2, 1)], monkeypatch)
    x = normal(100, 64, 64, 4)
    before = resident_kilobytes()
    plan.run([x], threads=1)
    # 4 MB per image and value between segments, of which two are alive: 800 MB for all of them.
    assert resident_kilobytes() - before < 100 * 1024


def test_cuts_large_images_go_one_by_one_and_heavy_weights_see_many():
    early = Load(values=4 * MB, weights=MB // 8, crossing=2 * MB)
    late = Load(values=MB // 8, weights=8 * MB, crossing=MB // 16)
    segments = cut_into_segments([early] * 4 + [late] * 2, MACHINE)
    assert [segment.first for segment in segments] == [0, 4]
    assert segments[0].group == 1
    assert segments[1].group >= 8


def test_cuts_a_network_that_fits_in_l2_is_one_segment():
    loads = [Load(values=20_000, weights=30_000, crossing=10_000)] * 8
    (segment,) = cut_into_segments(loads, MACHINE)
    assert segment.group * 20_000 <= MACHINE.l2
    assert segment.group * 20_000 > MACHINE.l2 / 2


def test_cuts_more_images_than_l3_holds_must_be_worth_their_memory():
    small = Load(values=4 * MB, weights=30 * MB, crossing=MB, work=3e9)
    (segment,) = cut_into_segments([small], MACHINE)
    least = Costs([small], MACHINE).waits_in_groups(0, 1, max(GROUPS))
    waits = Costs([small], MACHINE).waits_in_groups(0, 1, segment.group)
    assert segment.group < max(GROUPS)
    assert waits - least <= 0.01 * small.work / MACHINE.flops
    # Where computing takes no time, nothing is as dear as waiting.
    (segment,) = cut_into_segments([small._replace(work=0.0)], MACHINE)
    assert segment.group == max(GROUPS)


def test_cuts_a_step_with_huge_weights_is_shared():
    light = Load(values=1000, weights=1000, crossing=500)
    huge = Load(values=1000, weights=400 * MB, crossing=500, splits=True)
    segments = cut_into_segments([light, huge, light], MACHINE)
    assert [segment.shared for segment in segments] == [False, True, False]
    assert not any(cut.shared for cut in cut_into_segments([huge._replace(splits=False)], MACHINE))


def test_cuts_are_the_cheapest_of_all():
    random = np.random.default_rng(8)
    loads = [Load(*(int(2 ** random.uniform(10, 24)) for _ in range(3))) for _ in range(7)]
    costs = Costs(loads, MACHINE)
    allowed = [cut for cut in range(1, 7) if costs.may_cut(cut)]

    def cheapest(first: int) -> float:
        ends = [cut for cut in allowed if cut > first]
        rest = min((costs.of(first, end)[0] + cheapest(end) for end in ends), default=np.inf)
        return min(costs.of(first, 7)[0], rest)

    found = sum(costs.of(first, stop)[0] for first, stop, _ in cut_into_segments(loads, MACHINE))
    assert allowed
    assert found == pytest.approx(cheapest(0), rel=1e-9)
    assert all(segment.group in GROUPS for segment in cut_into_segments(loads, MACHINE))


def test_cuts_of_no_steps_are_none():
    assert cut_into_segments([], MACHINE) == []
