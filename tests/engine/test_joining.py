"""Concatenations written in place: what is left of them, and that no output changes a bit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnfast._kernels.strips import Strips
from cnnfast.engine import plan as plans
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.passes import optimize
from cnnfast.engine.plan import Plan, compile_graph
from cnnfast.engine.segments import Segment
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import Activate
from cnnfast.ops.layout import Concatenate
from cnnfast.ops.normalization import ScaleShift
from cnnfast.ops.pooling import GlobalPooling, Pooling
from cnnfast.ops.resizing import Enlarge

RELU = ("relu", 0.0, np.inf, 0.0)
SAME3 = ((1, 1), (1, 1))
C = 16


def normal(*shape: int) -> np.ndarray:
    """Draw a float32 array; the same shape gives the same array."""
    return np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


def convolution(before: int, filters: int = C) -> Convolution:
    return Convolution(normal(3, 3, before, filters) / 12, normal(filters), padding=SAME3)


def scale(channels: int) -> ScaleShift:
    return ScaleShift(normal(channels), normal(channels), RELU)


def join(graph: Graph, *values: Value) -> Value:
    return graph.add(Concatenate(len(values[0].shape) - 1), *values)


def image_graph(side: int = 8) -> tuple[Graph, Value]:
    graph = Graph()
    return graph, graph.input((side, side, C))


def dense_block(layers: int = 4, side: int = 8) -> Graph:
    """Build a dense block: each convolution sees all before it."""
    graph, image = image_graph(side)
    value = graph.add(convolution(C), image)
    for _ in range(layers):
        channels = value.shape[-1]
        value = join(
            graph, value, graph.add(convolution(channels), graph.add(scale(channels), value))
        )
    graph.output(graph.add(GlobalPooling("average"), value))
    return graph


def branches() -> Graph:
    """Build branches that end in every kernel that can write rows apart."""
    graph, image = image_graph()
    pooled = graph.add(Pooling("max", (2, 2), (2, 2)), image)
    joined = join(
        graph,
        graph.add(Convolution(normal(1, 1, C, 5)), image),
        graph.add(convolution(C), image),
        graph.add(Pooling("average", (3, 3), (1, 1), SAME3), image),
        graph.add(Enlarge((2, 2)), pooled),
        graph.add(scale(C), image),
    )
    graph.output(graph.add(convolution(4 * C + 5), joined))
    return graph


def read_twice() -> Graph:
    """Build a convolution that is joined, and read by what comes before that."""
    graph, image = image_graph()
    first = graph.add(convolution(C), image)
    small = graph.add(Pooling("max", (2, 2), (2, 2)), first)
    second = graph.add(convolution(C), graph.add(Enlarge((2, 2)), small))
    graph.output(graph.add(convolution(2 * C), join(graph, first, second)))
    return graph


def joined_with_itself() -> Graph:
    graph, image = image_graph()
    value = graph.add(convolution(C), image)
    graph.output(graph.add(convolution(3 * C), join(graph, value, image, value)))
    return graph


def inputs_joined() -> Graph:
    graph, image = image_graph()
    other = graph.input((8, 8, 3))
    graph.output(graph.add(convolution(C + 3), join(graph, other, image)))
    return graph


def joined_outputs() -> Graph:
    """Build a concatenation that is an output, and so is a part of it, and one that goes on."""
    graph, image = image_graph()
    first, second = graph.add(convolution(C), image), graph.add(convolution(C, 20), image)
    inner = join(graph, first, second)
    outer = join(graph, inner, graph.add(convolution(C), image))
    for value in (second, inner, outer, outer):
        graph.output(value)
    return graph


def in_two_arrays() -> Graph:
    """Build two concatenations of the same arrays, one within the other's reach."""
    graph, image = image_graph()
    first, second = graph.add(convolution(C), image), graph.add(convolution(C), image)
    one = join(graph, first, second)
    two = join(graph, second, graph.add(convolution(2 * C), one), first)
    graph.output(graph.add(convolution(3 * C), two))
    return graph


def seen_in_other_shapes() -> Graph:
    """Build joined rows that are pixels, whole images, and neither."""
    graph, image = image_graph()
    rows = [graph.reshape(graph.add(convolution(C), image), (64, C)) for _ in range(2)]
    pixels = graph.reshape(graph.add(Concatenate(1), *rows), (8, 8, 2 * C))
    halves = [graph.reshape(graph.add(convolution(2 * C), pixels), (4, 16, C)) for _ in range(2)]
    wider = graph.reshape(graph.add(Concatenate(1), *halves), (4 * 32 * C,))
    flat = [graph.add(Dense(normal(2048, 20) / 45), wider) for _ in range(2)]
    graph.output(graph.add(Concatenate(0), *flat))
    return graph


def nested() -> Graph:
    """Build arrays joined in arrays that are joined, one of them read in between."""
    graph, image = image_graph()
    leaves = [graph.add(convolution(C), image) for _ in range(4)]
    left, right = join(graph, *leaves[:2]), join(graph, *leaves[2:])
    read = graph.add(Dense(normal(2 * C, 7)), right)
    graph.output(graph.add(convolution(4 * C), join(graph, left, right)))
    graph.output(read)
    return graph


def added_up() -> Graph:
    """Build a joined array that is joined again, and added to what is made of it."""
    graph, image = image_graph()
    inner = join(graph, graph.add(convolution(C), image), graph.add(convolution(C), image))
    mixed = Convolution(normal(1, 1, 2 * C, 2 * C), adds=True)
    total = graph.add(Activate(RELU), graph.add(mixed, inner, inner))
    outer = join(graph, inner, graph.add(convolution(2 * C), total))
    graph.output(graph.add(convolution(3 * C), outer))
    return graph


def joined_in_two() -> Graph:
    """Build a joined array that goes into two others."""
    graph, image = image_graph()
    inner = join(graph, graph.add(convolution(C), image), graph.add(convolution(C), image))
    one = join(graph, inner, graph.add(convolution(C), image))
    two = join(graph, graph.add(convolution(3 * C), one), inner)
    graph.output(graph.add(convolution(3 * C), two))
    return graph


# What is left: concatenations, and copies of single arrays.
GRAPHS: dict[str, tuple[Callable[[], Graph], int, int]] = {
    "dense block": (dense_block, 0, 1),
    "branches": (branches, 0, 0),
    "read twice": (read_twice, 0, 1),
    "joined with itself": (joined_with_itself, 0, 2),
    "inputs": (inputs_joined, 1, 0),
    # The last copy is the fourth output, the same array as the third.
    "outputs": (joined_outputs, 0, 3),
    "in two arrays": (in_two_arrays, 1, 2),
    "in other shapes": (seen_in_other_shapes, 1, 0),
    "nested": (nested, 0, 0),
    "added up": (added_up, 0, 1),
    "joined in two": (joined_in_two, 0, 1),
}


def inputs_of(graph: Graph, images: int) -> list[np.ndarray]:
    return [normal(images, *value.shape) for value in graph.inputs]


def without_joining(monkeypatch: Any, graph: Graph) -> Plan:
    with monkeypatch.context() as patch:
        patch.setattr(plans, "join_in_place", lambda lines, placed: lines)
        return Plan(graph)


def concatenations(plan: Plan) -> list[int]:
    """Count the arrays that each concatenation that is left has."""
    return [
        len(line.operation.inputs)
        for line in plan._lines
        if isinstance(line.operation.op, Concatenate)
    ]


def assert_same(plan: Plan, expected: Plan, inputs: Sequence[np.ndarray], threads: int) -> None:
    pairs = zip(
        plan.run(list(inputs), threads=threads), expected.run(list(inputs), threads=1), strict=True
    )
    for received, wanted in pairs:
        np.testing.assert_array_equal(received, wanted)


@pytest.mark.parametrize("name", GRAPHS)
def test_joining_in_place_changes_no_bit(isa, monkeypatch, name):
    graph = GRAPHS[name][0]()
    expected = without_joining(monkeypatch, graph)
    for images in (1, 2, 5):
        assert_same(Plan(graph), expected, inputs_of(graph, images), 1)


@pytest.mark.parametrize("name", GRAPHS)
def test_joining_in_place_leaves_few_copies(name):
    build, joins, copies = GRAPHS[name]
    left = concatenations(Plan(build()))
    assert (sum(count > 1 for count in left), left.count(1)) == (joins, copies)


@pytest.mark.parametrize("threads", [1, 2, 7])
@pytest.mark.parametrize("images", [1, 2, 3, 9])
def test_joining_in_place_any_threads_and_batches_split_by_rows(monkeypatch, images, threads):
    graph = dense_block(layers=5, side=24)
    plan, expected = Plan(graph), without_joining(monkeypatch, graph)
    assert plan.work > 2e7
    assert_same(plan, expected, inputs_of(graph, images), threads)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_joining_in_place_of_what_strips_make(monkeypatch, threads):
    graph = optimize(dense_block(layers=4, side=80))
    plan, expected = Plan(graph), without_joining(monkeypatch, graph)
    outputs = [line.operation.output for line in plan._lines if type(line.kernel) is Strips]
    assert any(output.alias is not None for output in outputs)
    assert_same(plan, expected, inputs_of(graph, 3), threads)


@pytest.mark.parametrize("groups", [[2], [1, 3], [4, 0, 2], [1, 1, 1, 1, 1]])
def test_joining_in_place_across_segments(monkeypatch, groups):
    graph = dense_block(layers=3)

    def cut(loads: Sequence[Any], _: Any) -> list[Segment]:
        ends = np.linspace(0, len(loads), len(groups) + 1).astype(int).tolist()
        return [Segment(*cut) for cut in zip(ends[:-1], ends[1:], groups, strict=True)]

    expected = without_joining(monkeypatch, graph)
    monkeypatch.setattr(plans, "cut_into_segments", cut)
    for threads in (1, 2):
        assert_same(Plan(graph), expected, inputs_of(graph, 7), threads)


def test_describe_names_the_joined_array_and_counts_concatenations():
    table = compile_graph(dense_block(layers=3)).describe()
    assert re.search("Concatenate +8x8x16 +8x8x16 in 8x8x64 ", table)
    assert table.count(" in 8x8x64 ") == 4
    assert "folded or fused into others: 2 Concatenate" in table


def drawn(draw: Any, graph: Graph, values: list[Value]) -> Value:
    """Add an operation on one of the last values, or a concatenation of any."""
    value = draw(st.sampled_from(values[-4:]))
    channels = value.shape[-1]
    ops = {
        "scale": scale(channels),
        "pixels": Convolution(normal(1, 1, channels, 5)),
        "convolution": convolution(channels, 18),
        "pooling": Pooling("max", (3, 3), (1, 1), SAME3),
        "activate": Activate(RELU),
    }
    kind = draw(st.sampled_from([*ops, "join", "join", "join"]))
    if kind == "join":
        return join(graph, *draw(st.lists(st.sampled_from(values), min_size=2, max_size=3)))
    return graph.add(ops[kind], value)


@st.composite
def joined_graphs(draw: Any) -> Graph:
    """Draw a graph of images of one size, many of them joined, some more than once."""
    graph, image = image_graph(draw(st.integers(1, 6)))
    values = [image]
    for _ in range(draw(st.integers(2, 9))):
        value = drawn(draw, graph, values)
        if value.shape[-1] < 200:
            values.append(value)
    for value in draw(st.lists(st.sampled_from(values), max_size=2)):
        graph.output(value)
    graph.output(values[-1])
    return graph


@settings(max_examples=150)
@given(graph=joined_graphs(), images=st.integers(1, 4))
def test_joining_in_place_of_random_graphs_changes_no_bit(graph, images):
    with pytest.MonkeyPatch.context() as patch:
        expected = without_joining(patch, graph)
    assert_same(Plan(graph), expected, inputs_of(graph, images), 1)
