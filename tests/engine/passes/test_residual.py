"""Sums that convolutions take over: nothing changes but the number of steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tolerances
from cnnfast.engine.graph import Graph
from cnnfast.engine.passes import optimize
from cnnfast.engine.passes.fold import fold_into_producers
from cnnfast.engine.passes.fuse import fuse_activations
from cnnfast.engine.passes.residual import fuse_residuals
from cnnfast.engine.plan import Plan
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.elementwise import Activate, Add
from cnnfast.ops.normalization import ScaleShift
from cnnfast.ops.pooling import Pooling
from graphchains import kinds, normal

RELU = ("relu", 0.0, np.inf, 0.0)
SAME = ((1, 1), (1, 1))


def outputs_of(graph: Graph, images: int = 2, threads: int = 1) -> np.ndarray:
    inputs = [normal(images, *value.shape) for value in graph.inputs]
    return Plan(graph).run(inputs, threads=threads)[0]


def convolution(window: int, channels: int, filters: int, **options) -> Convolution:
    """Make a convolution that keeps the size of an image and of its values."""
    kernel = normal(window, window, channels, filters) / np.float32(window * channels**0.5)
    half = window // 2
    return Convolution(kernel, normal(filters), padding=((half, half),) * 2, **options)


def bottleneck(window: int = 1, channels: int = 40) -> Graph:
    """Build a block whose last convolution's output is added to the block's input."""
    graph = Graph()
    x = graph.input((6, 7, channels))
    inner = graph.add(convolution(3, channels, 5, activation=RELU), x)
    outer = graph.add(convolution(window, 5, channels), inner)
    graph.output(graph.add(Activate(RELU), graph.add(Add(), x, outer)))
    return graph


@pytest.mark.parametrize("window", [1, 3, 5])
def test_residual_of_a_block_is_added_by_its_last_convolution(isa, window):
    graph = bottleneck(window)
    fused = fuse_residuals(graph)
    assert kinds(fused) == ["Convolution", "Convolution", "Activate"]
    np.testing.assert_array_equal(outputs_of(fused), outputs_of(graph))
    active = fuse_activations(fused)
    assert kinds(active) == ["Convolution", "Convolution"]
    for threads in (1, 2, 7):
        np.testing.assert_array_equal(outputs_of(active, 5, threads), outputs_of(graph, 5))


def test_residual_of_winograd_is_added_in_its_output_transform(isa):
    graph = Graph()
    x = graph.input((12, 12, 32))
    graph.output(graph.add(Add(), graph.add(convolution(3, 32, 32), x), x))
    assert graph.operations[0].op.suits_winograd((12, 12, 32))
    fused = fuse_residuals(graph)
    assert kinds(fused) == ["Convolution"]
    np.testing.assert_array_equal(outputs_of(fused), outputs_of(graph))


def test_residual_of_two_branches_is_added_by_the_later_convolution():
    graph = Graph()
    x = graph.input((6, 6, 3))
    first = graph.add(convolution(1, 3, 8), x)
    second = graph.add(convolution(3, 3, 8), x)
    graph.output(graph.add(Add(), second, first))
    fused = fuse_residuals(graph)
    assert [operation.op.adds for operation in fused.operations] == [False, True]
    assert fused.operations[1].op.kernel is graph.operations[1].op.kernel
    np.testing.assert_array_equal(outputs_of(fused), outputs_of(graph))


def test_residual_of_three_branches_leaves_one_sum_of_two():
    graph = Graph()
    x = graph.input((6, 6, 4))
    branches = [graph.add(convolution(window, 4, 4), x) for window in (1, 3)]
    graph.output(graph.add(Add(), branches[0], x, branches[1]))
    fused = fuse_residuals(graph)
    assert kinds(fused) == ["Convolution", "Add", "Convolution"]
    error = np.abs(outputs_of(fused) - outputs_of(graph))
    assert (error <= tolerances.roundings(4, np.abs(outputs_of(graph)) + 8)).all()


def test_residual_of_sequences_is_added_across_their_reshapes():
    graph = Graph()
    x = graph.input((9, 4))
    outer = graph.add(Convolution(normal(1, 1, 4, 4)), graph.reshape(x, (1, 9, 4)))
    total = graph.add(Add(), graph.reshape(outer, (9, 4)), x)
    graph.output(graph.add(Activate(RELU), total))
    fused = fuse_residuals(graph)
    assert kinds(fused) == ["Convolution", "Activate"]
    np.testing.assert_array_equal(outputs_of(fused), outputs_of(graph))


def test_residual_stays_where_a_convolution_is_read_twice_or_not_linear():
    graph = Graph()
    x = graph.input((6, 6, 4))
    twice = graph.add(convolution(3, 4, 4), x)
    active = graph.add(convolution(3, 4, 4, activation=RELU), x)
    graph.output(graph.add(Add(), twice, twice))
    graph.output(graph.add(Add(), active, x))
    assert kinds(fuse_residuals(graph)) == kinds(graph)


def test_residual_that_is_an_output_too_stays():
    graph = Graph()
    x = graph.input((6, 6, 4))
    outer = graph.add(convolution(3, 4, 4), x)
    graph.output(graph.add(Add(), outer, x))
    graph.output(outer)
    assert kinds(fuse_residuals(graph)) == ["Convolution", "Add"]


def test_fold_leaves_a_convolution_that_adds_alone():
    graph = Graph()
    x = graph.input((6, 6, 4))
    total = graph.add(convolution(3, 4, 4, adds=True), x, x)
    graph.output(graph.add(ScaleShift(normal(4), normal(4)), total))
    assert kinds(fold_into_producers(graph)) == ["Convolution", "ScaleShift"]


@pytest.mark.parametrize(
    "shapes", [((6, 6, 4),), ((6, 6, 4), (6, 6, 5)), ((6, 6, 4), (6, 6, 4), (6, 6, 4))]
)
def test_convolution_that_adds_checks_its_second_input(shapes):
    with pytest.raises(ValueError, match=r"adds 1 arrays of that shape"):
        convolution(3, 4, 4, adds=True).output_shape(*shapes)


STEPS = ("pointwise", "direct", "scale", "relu", "add", "add three", "branch", "pool", "output")


@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9)), min_size=1, max_size=12),
    channels=st.sampled_from([3, 32]),
)
def test_optimize_keeps_what_random_graphs_compute(steps, channels):
    graph, inputs = random_graph(steps, channels), normal(2, 8, 8, channels)
    expected = Plan(graph).run([inputs])
    received = Plan(optimize(graph)).run([inputs])
    for one, other in zip(expected, received, strict=True):
        # Sums of 9 * 32 terms, folded and reordered, in up to 12 layers that keep the scale.
        bound = 12 * 4 * tolerances.float32_dot(9 * channels, np.abs(one).max() + 12)
        assert np.abs(one - other).max() <= bound


def random_graph(steps, channels: int) -> Graph:
    """Grow a graph; the number beside a step picks which earlier value it also reads."""
    graph = Graph()
    values = [graph.input((8, 8, channels))]
    for number, (step, pick) in enumerate(steps):
        value = values[-1]
        alike = [other for other in values if other.shape == value.shape]
        other = alike[pick % len(alike)]
        if step == "pool":
            if min(value.shape[:2]) > 1:
                kind = ("max", "average")[pick % 2]
                values.append(graph.add(Pooling(kind, (2, 2), (2, 2)), value))
        elif step == "add":
            values.append(graph.add(Add(), value, other))
        elif step == "add three":
            values.append(graph.add(Add(), value, other, alike[0]))
        elif step == "branch":
            values.append(graph.add(convolution(3, channels, channels), other))
        elif step == "output":
            graph.output(value)
        else:
            values.append(graph.add(one_step(step, channels, number), value))
    graph.output(values[-1])
    return graph


def one_step(step: str, channels: int, number: int):
    """Make an op of one input that keeps the shape."""
    if step == "relu":
        return Activate(RELU)
    if step == "scale":
        return ScaleShift(normal(channels, number + 1)[:, 0], normal(channels, number + 2)[:, 0])
    return convolution(1 if step == "pointwise" else 3, channels, channels)
