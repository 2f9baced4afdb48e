"""Operations join in strips where what they pass on is large."""

from __future__ import annotations

import numpy as np
import pytest

from cnnfast.engine.graph import Graph
from cnnfast.engine.passes import optimize, strips
from cnnfast.engine.passes.residual import fuse_residuals
from cnnfast.engine.passes.strips import fuse_strips
from cnnfast.engine.plan import Plan
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import Add
from cnnfast.ops.pooling import GlobalPooling, Pooling
from cnnfast.ops.strips import Strips
from graphchains import chain, kinds, normal

RELU6 = ("relu", 0.0, 6.0, 0.0)
BORDER = ((1, 1), (1, 1))


EXPAND = Convolution(normal(1, 1, 4, 24), normal(24), activation=RELU6)
FILTER = Depthwise(normal(3, 3, 24, 1), normal(24), padding=BORDER, activation=RELU6)
HALVE = Depthwise(normal(3, 3, 24, 1), normal(24), (2, 2), BORDER)
PROJECT = Convolution(normal(1, 1, 24, 6))
POOL = Pooling("average", (3, 3), (2, 2), BORDER)


@pytest.fixture
def threshold(monkeypatch):
    """Set how many floats make a value large."""
    return lambda floats: monkeypatch.setattr(strips, "LEAST_FLOATS", floats)


STEM = Convolution(normal(3, 3, 4, 24), strides=(2, 2))
JOINED = {
    "inverted residual": chain((8, 7, 4), EXPAND, FILTER, PROJECT),
    "stem": chain((8, 7, 4), STEM, POOL),
    "filter, project, pool": chain((8, 7, 24), FILTER, PROJECT, POOL),
    "convolutions": chain((18, 17, 4), EXPAND, Convolution(normal(3, 3, 24, 5))),
}
APART = {
    "another shape between": chain((8, 7, 4), EXPAND, (7, 8, 24), FILTER),
    "not row by row": chain((8, 7, 4), EXPAND, GlobalPooling("max")),
    "first not row by row": chain((8, 7, 4), GlobalPooling("max"), (1, 1, 4), EXPAND),
}


@pytest.mark.parametrize("graph", JOINED.values(), ids=JOINED.keys())
def test_fused_chain_changes_no_bit(isa, threshold, graph):
    threshold(0)
    assert kinds(fuse_strips(graph)) == ["Strips"]
    inputs = normal(3, *graph.inputs[0].shape)
    plans = [Plan(each) for each in (graph, fuse_strips(graph), optimize(graph))]
    expected, *received = (plan.run([inputs])[0] for plan in plans)
    for outputs in received:
        np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize("graph", APART.values(), ids=APART.keys())
def test_others_stay_apart(threshold, graph):
    threshold(0)
    assert kinds(fuse_strips(graph)) == kinds(graph)


def test_fusing_asks_for_large_values_between(threshold):
    graph = chain((8, 7, 4), EXPAND, HALVE, PROJECT)
    threshold(8 * 7 * 24 - 1)
    assert kinds(fuse_strips(graph)) == ["Strips", "Convolution"]
    threshold(8 * 7 * 24)
    assert kinds(fuse_strips(graph)) == kinds(graph)


def test_fusing_asks_for_room_for_strips(threshold, monkeypatch):
    threshold(0)
    graph = chain((8, 7, 4), EXPAND, FILTER, PROJECT)
    # Three rows that a window sees, then one that the product behind it sees.
    monkeypatch.setattr("cnnfast.ops.strips.ROOM", 4 * 7 * 24)
    assert kinds(fuse_strips(graph)) == ["Strips"]
    monkeypatch.setattr("cnnfast.ops.strips.ROOM", 4 * 7 * 24 - 1)
    assert kinds(fuse_strips(graph)) == ["Strips", "Convolution"]
    monkeypatch.setattr("cnnfast.ops.strips.ROOM", 3 * 7 * 24 - 1)
    assert kinds(fuse_strips(graph)) == ["Convolution", "Strips"]


def test_fusing_stops_at_the_longest_chain(threshold):
    threshold(0)
    graph = chain((8, 7, 24), *[FILTER] * 8)
    assert kinds(fuse_strips(graph)) == ["Strips", "Strips"]


def test_fusing_leaves_values_that_others_read(threshold):
    threshold(0)
    graph = Graph()
    expanded = graph.add(EXPAND, graph.input((8, 7, 4)))
    graph.output(graph.add(Add(), graph.add(FILTER, expanded), expanded))
    assert kinds(fuse_strips(graph)) == ["Convolution", "Depthwise", "Add"]


def test_fusing_leaves_convolutions_that_add(threshold):
    threshold(0)
    graph = Graph()
    image, other = graph.input((8, 7, 4)), graph.input((8, 7, 6))
    filtered = graph.add(FILTER, graph.add(EXPAND, image))
    graph.output(graph.add(Add(), graph.add(PROJECT, filtered), other))
    assert kinds(fuse_strips(fuse_residuals(graph))) == ["Strips", "Convolution"]


def test_large_images_are_fused_by_default_and_described():
    graph = optimize(chain((112, 112, 4), EXPAND, FILTER, PROJECT))
    assert kinds(graph) == ["Strips"]
    assert "Convolution, Depthwise, Convolution" in Plan(graph).describe(1)


def test_strips_give_their_shape_and_refuse_others():
    assert Strips((EXPAND, HALVE, PROJECT)).output_shape((9, 8, 4)) == (5, 4, 6)
    with pytest.raises(ValueError, match=r"\(H, W, 24\)"):
        Strips((HALVE, PROJECT)).output_shape((9, 8, 4))
    with pytest.raises(ValueError, match="GlobalPooling does not make images row by row"):
        Strips((EXPAND, GlobalPooling("max"))).prepare((9, 8, 4))
