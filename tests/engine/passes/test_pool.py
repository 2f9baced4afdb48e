"""Pooling that convolutions take over: outputs stay equal, and it is done where it can be."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from cnnfast.engine.graph import Graph
from cnnfast.engine.passes import optimize
from cnnfast.engine.passes.pool import fuse_pooling
from cnnfast.engine.plan import Plan
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.elementwise import Add
from cnnfast.ops.pooled import PooledConvolution
from cnnfast.ops.pooling import Pooling
from graphchains import kinds, normal

RELU = ("relu", 0.0, np.inf, 0.0)
LEAKY = ("relu", 0.1, np.inf, 0.0)
SHIFTED = ("relu", 0.0, np.inf, 1.0)
TANH = ("tanh", 0.0, 0.0, 0.0)
BORDER = ((1, 1), (1, 1))


def pair(shape, filters: int, pooling: Pooling, window=(3, 3), **options) -> Graph:
    """Build a convolution with pooling behind it."""
    graph = Graph()
    kernel = normal(*window, shape[2] // options.get("groups", 1), filters)
    convolved = graph.add(Convolution(kernel, normal(filters), **options), graph.input(shape))
    graph.output(graph.add(pooling, convolved))
    return graph


SQUARE = Pooling("max", (2, 2), (2, 2))
AVERAGE = Pooling("average", (2, 2), (2, 2))
BY_FOUR = Pooling("max", (1, 4), (1, 4))

FUSED = {
    "one channel": pair((28, 28, 1), 32, SQUARE, activation=RELU),
    "strides": pair((15, 16, 3), 5, SQUARE, strides=(2, 1), padding=BORDER),
    "groups": pair((9, 10, 4), 6, SQUARE, groups=2),
    "sequence": pair((1, 50, 1), 16, BY_FOUR, (1, 5), activation=RELU),
    # Of even outputs: of odd ones pooling has other tiles at the end, which round in another way.
    "Winograd, maximum": pair((12, 16, 32), 64, SQUARE, activation=RELU),
    "Winograd, average": pair((10, 14, 32), 32, AVERAGE, padding=BORDER),
}
APART = {
    "pointwise": pair((8, 8, 3), 5, SQUARE, (1, 1)),
    "other activation": pair((8, 8, 3), 5, SQUARE, activation=TANH),
    "sloped relu": pair((8, 8, 3), 5, SQUARE, activation=LEAKY),
    "shifted relu": pair((8, 8, 3), 5, SQUARE, activation=SHIFTED),
    "direct average": pair((8, 8, 3), 5, AVERAGE),
    "overlapping": pair((9, 9, 3), 5, Pooling("max", (2, 2), (1, 1))),
    "bordered": pair((8, 8, 3), 5, Pooling("max", (2, 2), (2, 2), ((0, 1), (0, 1)))),
    "other window": pair((11, 11, 3), 5, Pooling("max", (3, 3), (3, 3))),
    "Winograd, by four": pair((8, 10, 32), 32, BY_FOUR),
    "Winograd along rows": pair((1, 40, 32), 32, BY_FOUR, (1, 5)),
}


@pytest.mark.parametrize("graph", FUSED.values(), ids=FUSED.keys())
def test_fuse_pooling_leaves_one_step(isa, graph):
    fused = fuse_pooling(graph)
    assert kinds(fused) == ["PooledConvolution"]
    inputs = normal(5, *graph.inputs[0].shape)
    (expected,) = Plan(graph).run([inputs])
    (once,) = Plan(fused).run([inputs], threads=1)
    # An average adds its four pixels in another order.
    assert (np.abs(once - expected) <= tolerances.roundings(4, np.abs(expected).max())).all()
    for threads in (2, 7):
        np.testing.assert_array_equal(Plan(fused).run([inputs], threads=threads)[0], once)
    np.testing.assert_array_equal(Plan(fused).run([inputs[3:4]], threads=7)[0], once[3:4])


@pytest.mark.parametrize("graph", APART.values(), ids=APART.keys())
def test_fuse_pooling_leaves_apart_what_no_kernel_does(graph):
    fused = fuse_pooling(graph)
    assert kinds(fused) == ["Convolution", "Pooling"]
    inputs = normal(2, *graph.inputs[0].shape)
    np.testing.assert_array_equal(Plan(fused).run([inputs])[0], Plan(graph).run([inputs])[0])


def test_fuse_pooling_spares_a_convolution_that_others_read():
    graph = Graph()
    convolved = graph.add(Convolution(normal(3, 3, 3, 5)), graph.input((8, 8, 3)))
    graph.output(graph.add(SQUARE, convolved))
    graph.output(convolved)
    assert kinds(fuse_pooling(graph)) == ["Convolution", "Pooling"]


def test_fuse_pooling_spares_a_convolution_seen_in_another_shape():
    graph = Graph()
    convolved = graph.add(Convolution(normal(3, 3, 3, 4)), graph.input((10, 10, 3)))
    graph.output(graph.add(SQUARE, graph.reshape(convolved, (4, 16, 4))))
    assert kinds(fuse_pooling(graph)) == ["Convolution", "Pooling"]


def test_fuse_pooling_spares_a_convolution_that_adds():
    graph = Graph()
    x = graph.input((8, 8, 4))
    convolved = graph.add(Convolution(normal(3, 3, 4, 4), padding=BORDER), x)
    graph.output(graph.add(SQUARE, graph.add(Add(), convolved, x)))
    assert kinds(optimize(graph)) == ["Convolution", "Pooling"]


def test_pooled_convolution_tells_its_shape_and_activation():
    op = PooledConvolution(Convolution(normal(3, 3, 1, 32), activation=RELU), SQUARE)
    assert op.output_shape((28, 28, 1)) == (13, 13, 32)
    assert op.activation == RELU
