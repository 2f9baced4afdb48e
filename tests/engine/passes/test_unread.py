"""Pixels that nobody reads are not computed, and what is read stays what it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cnnfast.engine.graph import Graph
from cnnfast.engine.passes import optimize
from cnnfast.engine.passes.unread import leave_unread
from cnnfast.engine.plan import Plan
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import Activate
from cnnfast.ops.embedding import Embedding
from cnnfast.ops.layout import Pad
from cnnfast.ops.pooling import GlobalPooling, Pooling
from graphchains import chain, normal

RELU = ("relu", 0.0, np.inf, 0.0)
HALVES = Pooling("max", (2, 2), (2, 2))
IMAGE = (13, 12, 3)


def convolution(channels: int, filters: int, window=(3, 3), **options) -> Convolution:
    return Convolution(normal(*window, channels, filters), normal(filters), **options)


def shapes(graph: Graph) -> list[tuple[int, ...]]:
    return [operation.output.shape for operation in graph.operations]


SHORTENED = {
    # 11 x 10 outputs, of which windows of 2 x 2 see 10 x 10.
    "convolution": (chain(IMAGE, convolution(3, 5), HALVES), [(10, 10, 5), (5, 5, 5)]),
    "border": (
        chain(IMAGE, convolution(3, 5, padding=((1, 1), (2, 1))), HALVES),
        [(12, 12, 5), (6, 6, 5)],
    ),
    # 9 rows of the second one's 10 are read, then 11 of the first one's 12.
    "chain": (
        chain(
            IMAGE, convolution(3, 5, (2, 2)), convolution(5, 4, (3, 3)),
            Pooling("max", (3, 3), (3, 3)),
        ),
        [(11, 11, 5), (9, 9, 4), (3, 3, 4)],
    ),
    "depthwise": (
        chain(IMAGE, Depthwise(normal(2, 2, 3, 2)), Pooling("average", (5, 5), (5, 5))),
        [(10, 10, 6), (2, 2, 6)],
    ),
    "pooling": (
        chain(IMAGE, Pooling("average", (2, 2), (1, 1)), convolution(3, 4, (2, 2), strides=(4, 3))),
        [(10, 11, 3), (3, 4, 4)],
    ),
    "dilation": (
        chain(
            IMAGE, convolution(3, 4, (1, 2)),
            convolution(4, 4, (2, 2), strides=(3, 3), dilation=(3, 2)),
        ),
        [(13, 9, 4), (4, 3, 4)],
    ),
    "thinned out": (
        chain(IMAGE, convolution(3, 4), convolution(4, 4, (1, 1), strides=(3, 3))),
        [(10, 10, 4), (4, 4, 4)],
    ),
    # Windows lie in a border of 4 columns: one column is the least an image can have.
    "no column is read": (
        chain(
            IMAGE, convolution(3, 4, (3, 2)),
            convolution(4, 4, (3, 3), strides=(15, 20), padding=((0, 0), (4, 0))),
        ),
        [(3, 1, 4), (1, 1, 4)],
    ),
    "strides": (
        chain(IMAGE, convolution(3, 4, strides=(2, 2), padding=((0, 1), (0, 1))), HALVES),
        [(6, 6, 4), (3, 3, 4)],
    ),
}  # fmt: skip


def whole(build: Callable[[Graph], None]) -> Graph:
    graph = Graph()
    build(graph)
    return graph


def an_output(graph: Graph) -> None:
    value = graph.add(convolution(3, 5), graph.input(IMAGE))
    graph.output(value)
    graph.output(graph.add(HALVES, value))


def another_reader(graph: Graph) -> None:
    value = graph.add(convolution(3, 5), graph.input(IMAGE))
    graph.output(graph.add(HALVES, value))
    graph.output(graph.add(GlobalPooling("max"), value))


def another_shape(graph: Graph) -> None:
    value = graph.add(convolution(3, 5), graph.input(IMAGE))
    graph.output(graph.add(HALVES, graph.reshape(value, (10, 11, 5))))


def an_addend(graph: Graph) -> None:
    image = graph.input((13, 12, 5))
    value = graph.add(convolution(5, 5), image)
    other = graph.add(convolution(5, 5, adds=True), image, value)
    graph.output(graph.add(HALVES, other))


WHOLE = {
    "an output": whole(an_output),
    "another reader": whole(another_reader),
    "another shape": whole(another_shape),
    "an addend": whole(an_addend),
    "pointwise": chain(IMAGE, convolution(3, 5, (1, 1)), HALVES),
    "elementwise": chain(IMAGE, Activate(RELU), Pooling("max", (5, 5), (5, 5))),
    "all is read": chain(IMAGE, convolution(3, 5, (2, 3)), HALVES),
    "reader's border": chain(
        IMAGE, convolution(3, 5), Pooling("average", (2, 2), (2, 2), ((0, 1), (0, 0)))
    ),
}


@pytest.mark.parametrize(("graph", "expected"), SHORTENED.values(), ids=SHORTENED.keys())
def test_leave_unread_computes_what_is_read_with_the_same_bits(isa, graph, expected):
    shortened = leave_unread(graph)
    assert shapes(shortened) == expected
    images = normal(4, *IMAGE)
    (outputs,) = Plan(graph).run([images])
    for threads in (1, 2, 7):
        np.testing.assert_array_equal(Plan(shortened).run([images], threads=threads)[0], outputs)
    assert shapes(leave_unread(shortened)) == expected


@pytest.mark.parametrize("graph", WHOLE.values(), ids=WHOLE.keys())
def test_leave_unread_keeps_what_is_read_as_a_whole(graph):
    kept = leave_unread(graph)
    assert shapes(kept) == shapes(graph)
    assert [operation.op for operation in kept.operations] == [
        operation.op for operation in graph.operations
    ]


def test_two_windows_on_one_image_leave_what_the_larger_one_reads(isa):
    graph = Graph()
    value = graph.add(convolution(3, 5), graph.input(IMAGE))
    graph.output(graph.add(Pooling("max", (4, 4), (4, 4)), value))
    graph.output(graph.add(Pooling("average", (3, 3), (3, 3)), value))
    shortened = leave_unread(graph)
    assert shapes(shortened) == [(9, 9, 5), (2, 2, 5), (3, 3, 5)]
    images = normal(3, *IMAGE)
    for outputs, expected in zip(
        Plan(shortened).run([images]), Plan(graph).run([images]), strict=True
    ):
        np.testing.assert_array_equal(outputs, expected)


def test_padding_in_front_of_a_shortened_convolution_still_goes_into_it(isa):
    graph = chain(IMAGE, Pad(((1, 2), (1, 2))), convolution(3, 5), HALVES)
    images = normal(3, *IMAGE)
    optimized = optimize(graph)
    assert len(optimized.operations) == 1
    np.testing.assert_array_equal(Plan(optimized).run([images])[0], Plan(graph).run([images])[0])


def test_embedding_folds_into_a_shortened_convolution():
    graph = Graph()
    words = graph.add(Embedding(normal(30, 4)), graph.input((20,), "int32"))
    value = graph.add(convolution(4, 6, (1, 4)), graph.reshape(words, (1, 20, 4)))
    graph.output(graph.add(Pooling("max", (1, 5), (1, 5)), value))
    optimized = optimize(graph)
    assert shapes(optimized)[0] == (15, 6)
