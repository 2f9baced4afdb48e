"""Transposes meet their inverses, and what stands between them sees the other order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import cnnfast
import tolerances
from cnnfast import layers
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.passes import optimize
from cnnfast.engine.passes.transposes import put_off_transposes
from cnnfast.engine.plan import Plan
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import Activate, Combine, RowActivate
from cnnfast.ops.layout import Concatenate, Permute

RELU = ("relu", 0.0, np.inf, 0.0)
FRONT, BACK = Permute((2, 0, 1)), Permute((1, 2, 0))
SHAPE = (4, 5, 3)

Build = Callable[[Graph, Value], Value]


def activation_between(graph: Graph, x: Value) -> Value:
    return graph.add(BACK, graph.add(Activate(RELU), graph.add(FRONT, x)))


def sum_between(graph: Graph, x: Value) -> Value:
    one, other = graph.add(FRONT, x), graph.add(FRONT, graph.add(Activate(RELU), x))
    return graph.add(BACK, graph.add(Combine("multiply"), one, other))


def parts_between(graph: Graph, x: Value) -> Value:
    parts = [graph.add(FRONT, x), graph.add(FRONT, graph.add(Activate(RELU), x))]
    return graph.add(BACK, graph.add(Concatenate(0), *parts))


def order_that_matters(graph: Graph, x: Value) -> Value:
    return graph.add(BACK, graph.add(RowActivate("softmax"), graph.add(FRONT, x)))


def other_orders_meet(graph: Graph, x: Value) -> Value:
    square = graph.reshape(x, (2, 15, 2))
    one, other = graph.add(Permute((2, 1, 0)), square), graph.add(Permute((0, 1, 2)), square)
    return graph.add(Combine("maximum"), one, other)


def reshaped_between(graph: Graph, x: Value) -> Value:
    return graph.add(BACK, graph.reshape(graph.add(FRONT, x), (4, 3, 5)))


def read_by_two(graph: Graph, x: Value) -> Value:
    front = graph.add(FRONT, x)
    rows = graph.add(RowActivate("softmax"), front)
    return graph.add(Combine("add"), rows, graph.add(Activate(RELU), front))


def two_in_a_row(graph: Graph, x: Value) -> Value:
    return graph.add(FRONT, graph.add(FRONT, x))


def left_at_the_end(graph: Graph, x: Value) -> Value:
    return graph.add(Activate(RELU), graph.add(FRONT, x))


# How many transposes are left.
CASES: dict[Build, int] = {
    activation_between: 0,
    sum_between: 0,
    parts_between: 0,
    order_that_matters: 2,
    other_orders_meet: 1,
    reshaped_between: 2,
    read_by_two: 1,
    two_in_a_row: 1,
    left_at_the_end: 1,
}


def transposes(graph: Graph) -> int:
    return sum(isinstance(operation.op, Permute) for operation in graph.operations)


@pytest.mark.parametrize("build", CASES, ids=lambda build: build.__name__)
def test_transposes_that_are_left_are_needed(build: Build) -> None:
    graph = Graph()
    graph.output(build(graph, graph.input(SHAPE)))
    after = put_off_transposes(graph)
    assert transposes(after) == CASES[build]
    inputs = np.random.default_rng(1).standard_normal((3, *SHAPE), dtype=np.float32)
    np.testing.assert_array_equal(Plan(after).run([inputs])[0], Plan(graph).run([inputs])[0])


def test_rows_of_matrix_move_instead_of_image() -> None:
    random = np.random.default_rng(2)
    kernel = random.standard_normal((60, 7), dtype=np.float32)
    graph = Graph()
    flat = graph.reshape(graph.add(FRONT, graph.input(SHAPE)), (60,))
    graph.output(graph.add(Dense(kernel), flat))
    after = put_off_transposes(graph)
    assert transposes(after) == 0
    inputs = random.standard_normal((3, *SHAPE), dtype=np.float32)
    expected, received = (Plan(one).run([inputs])[0] for one in (graph, after))
    # The same products in another order.
    bound = 2 * tolerances.float32_dot(60, float(np.abs(inputs).max() * np.abs(kernel).max()))
    assert np.abs(expected - received).max() <= bound


def test_network_with_channels_first_is_transposed_at_its_edges() -> None:
    first = {"data_format": "channels_first"}
    model = cnnfast.Sequential(
        [
            cnnfast.Input((3, 12, 12)),
            layers.Conv2D(8, 3, **first),
            layers.BatchNormalization(axis=1),
            layers.Activation("relu"),
            layers.MaxPooling2D(2, **first),
            layers.DepthwiseConv2D(3, padding="same", **first),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )
    graph = Graph()
    graph.output(model.lower(graph, graph.input((3, 12, 12))))
    assert transposes(graph) >= 8
    after = optimize(graph)
    assert [type(operation.op) for operation in after.operations][:1] == [Permute]
    assert transposes(after) == 1
