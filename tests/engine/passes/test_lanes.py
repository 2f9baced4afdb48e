"""Images in the lanes: chosen where it pays, and outputs stay what they were."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnfast import config
from cnnfast._kernels import dispatch
from cnnfast.engine.graph import Graph
from cnnfast.engine.passes import optimize
from cnnfast.engine.passes.lanes import run_in_lanes
from cnnfast.engine.plan import Plan
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import Activate, Add, RowActivate
from cnnfast.ops.lanes import Lanes
from cnnfast.ops.normalization import ScaleShift
from cnnfast.ops.pooling import GlobalPooling, Pooling
from graphchains import chain, kinds, normal

RELU = ("relu", 0.0, np.inf, 0.0)
SIGMOID = ("sigmoid", 0.0, 0.0, 0.0)
SAME3 = ((1, 1), (1, 1))


@pytest.fixture
def direct() -> Iterator[None]:
    """Have sums computed as they are written, with or without lanes."""
    config.set_winograd(False)
    yield
    config.set_winograd(True)


def seed2d() -> Graph:
    return chain(
        (4, 4, 1), Convolution(normal(3, 3, 1, 1), normal(1), activation=RELU),
        Pooling("max", (2, 2), (2, 2)), (1,), Dense(normal(1, 1), normal(1), SIGMOID),
    )  # fmt: skip


def stock() -> Graph:
    return chain(
        (50, 1), (1, 50, 1), Convolution(normal(1, 5, 1, 16), normal(16), activation=RELU),
        Pooling("max", (1, 4), (1, 4)), (176,), Dense(normal(176, 1), normal(1), SIGMOID),
    )  # fmt: skip


def softmax_behind() -> Graph:
    return chain(
        (8, 8, 1), Convolution(normal(3, 3, 1, 4), padding=SAME3, activation=RELU),
        GlobalPooling("average"), Dense(normal(4, 3), normal(3)), RowActivate("softmax"),
    )  # fmt: skip


def wide_behind() -> Graph:
    """Build a network whose second convolution fills vectors of any instruction set."""
    return chain(
        (8, 8, 1), Convolution(normal(3, 3, 1, 2), padding=SAME3, activation=RELU),
        Convolution(normal(3, 3, 2, 64), padding=SAME3, activation=RELU),
        Convolution(normal(3, 3, 64, 64), padding=SAME3), GlobalPooling("max"),
    )  # fmt: skip


SMALL = {"4x4": seed2d, "sequence": stock, "softmax": softmax_behind, "wide": wide_behind}


@pytest.mark.parametrize("build", SMALL.values(), ids=SMALL.keys())
@pytest.mark.parametrize("images", [0, 1, 2, 5, 16, 63, 64, 65, 131])
def test_pass_changes_no_bit(isa, direct, build, images):
    graph = build()
    before = kinds(graph)
    laned = run_in_lanes(graph)
    assert kinds(graph) == before
    x = normal(images, *graph.inputs[0].shape)
    expected, found = Plan(graph).run([x])[0], Plan(laned).run([x])[0]
    assert found.shape == expected.shape
    if build is softmax_behind:  # a global average has an order of its own
        np.testing.assert_allclose(found, expected, rtol=2**-20)
    else:
        np.testing.assert_array_equal(found, expected)
    for threads in (1, 2, 7):
        np.testing.assert_array_equal(Plan(laned).run([x], threads=threads)[0], found)


@pytest.mark.parametrize("build", SMALL.values(), ids=SMALL.keys())
def test_plan_of_lanes_does_not_depend_on_the_batch(isa, build):
    graph = optimize(build())
    x = normal(150, *graph.inputs[0].shape)
    plan = Plan(graph)
    expected = plan.run([x], threads=1)[0]
    for images in (1, 2, 3, 7, 17, 64, 149):
        some = np.ascontiguousarray(x[:images])
        for threads in (1, 2, 7):
            np.testing.assert_array_equal(plan.run([some], threads=threads)[0], expected[:images])


def test_pass_takes_whole_networks_of_few_channels(isa):
    assert kinds(optimize(seed2d())) == ["Lanes"]
    assert kinds(optimize(stock())) == ["Lanes"]


def test_pass_leaves_rows_and_wide_convolutions_behind(isa):
    assert kinds(optimize(softmax_behind())) == ["Lanes", "RowActivate"]
    assert kinds(optimize(wide_behind()))[1:] in (
        ["Convolution", "Convolution", "GlobalPooling"],
        ["Convolution", "GlobalPooling"],
    )


def test_pass_leaves_networks_of_whole_vectors_alone(isa):
    lanes = dispatch.lanes()
    wide = chain(
        (8, 8, lanes), Convolution(normal(3, 3, lanes, 2 * lanes), padding=SAME3),
        Convolution(normal(3, 3, 2 * lanes, 2 * lanes), padding=SAME3),
    )  # fmt: skip
    assert kinds(run_in_lanes(wide)) == ["Convolution", "Convolution"]
    matrix = chain((40,), Dense(normal(40, 4 * lanes), activation=RELU))
    assert kinds(run_in_lanes(matrix)) == ["Dense"]


def text() -> Graph:
    """Convolve with filters that leave the second of two vectors of AVX-512 nearly empty."""
    return chain((1, 50, 32), Convolution(normal(1, 7, 32, 20)))


def test_pass_leaves_sequences_alone_that_winograds_algorithm_is_faster_for(isa):
    assert kinds(run_in_lanes(text())) == ["Convolution"]


def test_pass_takes_such_sequences_where_sums_are_direct(isa, direct):
    assert (kinds(run_in_lanes(text())) == ["Lanes"]) == (isa == "avx512")


def test_pass_leaves_images_alone_that_would_leave_the_cache(isa):
    side = 200
    graph = chain((side, side, 1), Convolution(normal(3, 3, 1, 1)))
    assert kinds(run_in_lanes(graph)) == ["Convolution"]


def test_pass_stops_where_a_value_is_read_twice_or_wanted(isa):
    graph = Graph()
    image = graph.input((6, 6, 1))
    first = graph.add(Convolution(normal(3, 3, 1, 2), padding=SAME3, activation=RELU), image)
    second = graph.add(Convolution(normal(3, 3, 2, 2), padding=SAME3), first)
    total = graph.add(Add(), first, second)
    graph.output(graph.add(Activate(SIGMOID), total))
    graph.output(second)
    laned = run_in_lanes(graph)
    assert kinds(laned) == ["Lanes", "Convolution", "Add", "Activate"]
    lanes = laned.operations[0].op
    assert isinstance(lanes, Lanes)
    assert len(lanes.links) == 1
    x = normal(70, 6, 6, 1)
    for expected, found in zip(Plan(graph).run([x]), Plan(laned).run([x]), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_pass_leaves_integers_alone(isa):
    graph = chain((6, 6, 1), Convolution(normal(3, 3, 1, 1)), dtype="int32")
    assert kinds(run_in_lanes(graph)) == ["Cast", "Convolution"]


@st.composite
def tiny_graphs(draw: st.DrawFn) -> Graph:
    """Draw a chain of operations that end in a matrix product."""
    graph = Graph()
    value = graph.input((draw(st.integers(3, 8)), draw(st.integers(3, 8)), draw(st.integers(1, 3))))
    for _ in range(draw(st.integers(1, 4))):
        value = graph.add(draw(operations(value.shape)), value)
    flat = graph.reshape(value, (value.size,))
    graph.output(graph.add(Dense(normal(value.size, draw(st.integers(1, 5))), None, RELU), flat))
    return graph


@st.composite
def operations(draw: st.DrawFn, shape: tuple[int, ...]):
    """Draw one operation that keeps some of the image."""
    H, W, C = shape
    kind = draw(st.sampled_from(["convolution", "pooling", "activation", "scale"]))
    if kind == "convolution":
        kernel = normal(3, 3, C, draw(st.integers(1, 6)))
        return Convolution(kernel, None, draw(st.sampled_from([(1, 1), (2, 1)])), SAME3,
                           activation=draw(st.sampled_from([RELU, SIGMOID])))  # fmt: skip
    if kind == "pooling" and min(H, W) >= 2:
        step = draw(st.integers(1, 2))
        return Pooling(draw(st.sampled_from(["max", "average"])), (2, 2), (step, step))
    if kind == "scale":
        return ScaleShift(normal(C), normal(C, 2)[:, 0])
    return Activate(draw(st.sampled_from([RELU, SIGMOID])))


@given(graph=tiny_graphs(), images=st.integers(1, 140))
def test_pass_changes_no_bit_of_random_chains(isa, direct, graph, images):
    x = normal(images, *graph.inputs[0].shape)
    laned = run_in_lanes(graph)
    np.testing.assert_array_equal(Plan(laned).run([x])[0], Plan(graph).run([x])[0])
