"""Pixelwise convolutions join the depthwise one between them where what they pass on is large."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnfast.engine.graph import Graph
from cnnfast.engine.passes import optimize, separable
from cnnfast.engine.passes.residual import fuse_residuals
from cnnfast.engine.passes.separable import fuse_separable
from cnnfast.engine.plan import Plan
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import Add
from cnnfast.ops.separable import Separable

RELU6 = ("relu", 0.0, 6.0, 0.0)
BORDER = ((1, 1), (1, 1))


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


EXPAND = Convolution(normal(1, 1, 4, 24), normal(24), activation=RELU6)
FILTER = Depthwise(normal(3, 3, 24, 1), normal(24), padding=BORDER, activation=RELU6)
HALVE = Depthwise(normal(3, 3, 24, 1), normal(24), (2, 2), BORDER)
PROJECT = Convolution(normal(1, 1, 24, 6))


def chain(shape, *ops) -> Graph:
    """Chain operations; a tuple among them is a reshape."""
    graph = Graph()
    value = graph.input(shape)
    for op in ops:
        value = graph.reshape(value, op) if isinstance(op, tuple) else graph.add(op, value)
    graph.output(value)
    return graph


def kinds(graph: Graph) -> list[str]:
    return [type(operation.op).__name__ for operation in graph.operations]


@pytest.fixture
def threshold(monkeypatch):
    """Set how many floats make a value large."""
    return lambda floats: monkeypatch.setattr(separable, "LEAST_FLOATS", floats)


WIDE = Convolution(normal(3, 3, 4, 24))
CHAINS = {
    "expand, filter, project": (chain((8, 7, 4), EXPAND, FILTER, PROJECT), ["Separable"]),
    "expand, filter": (chain((8, 7, 4), EXPAND, FILTER), ["Separable"]),
    "filter, project": (chain((8, 7, 24), FILTER, PROJECT), ["Separable"]),
    "strides": (chain((8, 7, 4), EXPAND, HALVE, PROJECT), ["Separable"]),
    "two blocks": (
        chain((8, 7, 4), EXPAND, FILTER, Convolution(normal(1, 1, 24, 24)), HALVE, PROJECT),
        ["Separable", "Separable"],
    ),
    "filter twice": (chain((8, 7, 24), FILTER, FILTER), ["Depthwise", "Depthwise"]),
    "wider than a pixel": (
        chain((8, 7, 4), WIDE, FILTER, Convolution(normal(2, 1, 24, 6))),
        ["Convolution", "Depthwise", "Convolution"],
    ),
    "another shape between": (
        chain((8, 7, 4), EXPAND, (7, 8, 24), FILTER, (8, 7, 24), PROJECT),
        ["Convolution", "Depthwise", "Convolution"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("graph", [graph for graph, _ in CHAINS.values()], ids=CHAINS.keys())
def test_fused_chain_changes_no_bit(isa, threshold, graph):
    threshold(0)
    inputs = normal(3, *graph.inputs[0].shape)
    plans = [Plan(each) for each in (graph, fuse_separable(graph), optimize(graph))]
    expected, *received = (plan.run([inputs])[0] for plan in plans)
    for outputs in received:
        np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize(("graph", "expected"), CHAINS.values(), ids=CHAINS.keys())
def test_fusing_joins_what_it_can(threshold, graph, expected):
    before = kinds(graph)
    threshold(0)
    assert kinds(fuse_separable(graph)) == expected
    assert kinds(graph) == before


def test_fusing_asks_for_large_values_on_both_sides(threshold):
    graph = chain((8, 7, 4), EXPAND, HALVE, PROJECT)
    threshold(8 * 7 * 24 - 1)
    assert kinds(fuse_separable(graph)) == ["Separable", "Convolution"]
    threshold(8 * 7 * 24)
    assert kinds(fuse_separable(graph)) == kinds(graph)


def test_fusing_leaves_values_that_others_read(threshold):
    threshold(0)
    graph = Graph()
    expanded = graph.add(EXPAND, graph.input((8, 7, 4)))
    graph.output(graph.add(Add(), graph.add(FILTER, expanded), expanded))
    assert kinds(fuse_separable(graph)) == ["Convolution", "Depthwise", "Add"]


def test_fusing_leaves_convolutions_that_add(threshold):
    threshold(0)
    graph = Graph()
    image, other = graph.input((8, 7, 4)), graph.input((8, 7, 6))
    filtered = graph.add(FILTER, graph.add(EXPAND, image))
    graph.output(graph.add(Add(), graph.add(PROJECT, filtered), other))
    assert kinds(fuse_separable(fuse_residuals(graph))) == ["Separable", "Convolution"]


def test_large_networks_images_are_fused_by_default():
    graph = chain((112, 112, 4), EXPAND, FILTER, PROJECT)
    assert kinds(optimize(graph)) == ["Separable"]


def test_separable_takes_pixelwise_convolutions_only():
    with pytest.raises(ValueError, match=r"1 x 1.*\(3, 3, 4, 24\)"):
        Separable(WIDE, FILTER)
    with pytest.raises(ValueError, match=r"strides=\(2, 2\)"):
        Separable(None, FILTER, Convolution(normal(1, 1, 24, 6), strides=(2, 2)))
    with pytest.raises(ValueError, match="adds=True"):
        Separable(None, FILTER, replace(PROJECT, adds=True))


def test_separable_gives_its_shape():
    assert Separable(EXPAND, HALVE, PROJECT).output_shape((9, 8, 4)) == (5, 4, 6)
    assert Separable(EXPAND, HALVE).output_shape((9, 8, 4)) == (5, 4, 24)
    with pytest.raises(ValueError, match=r"\(H, W, 24\)"):
        Separable(None, HALVE).output_shape((9, 8, 4))
