"""Borders of zeros go into what reads them, where the outputs stay what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnfast.engine.graph import Graph
from cnnfast.engine.passes import optimize
from cnnfast.engine.passes.border import merge_borders
from cnnfast.engine.plan import Plan
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import Activate, Add
from cnnfast.ops.layout import Pad
from cnnfast.ops.pooling import Pooling
from graphchains import chain, kinds, normal

RELU = ("relu", 0.0, np.inf, 0.0)
LEAKY = ("relu", 0.1, np.inf, 0.0)
UNEVEN = Pad(((1, 2), (0, 1)))
IMAGE = (9, 8, 5)

CONVOLUTION = Convolution(normal(3, 3, 5, 7), normal(7), (2, 2))
DEPTHWISE = Depthwise(normal(3, 2, 5, 2), normal(10), (1, 2), activation=RELU)
MAXIMUM = Pooling("max", (3, 3), (2, 2))

MERGED = {
    "convolution": chain(IMAGE, UNEVEN, CONVOLUTION),
    "convolution with a border": chain(
        IMAGE, UNEVEN, replace(CONVOLUTION, padding=((2, 0), (1, 1))), Activate(RELU)
    ),
    "depthwise": chain(IMAGE, UNEVEN, DEPTHWISE),
    "two borders": chain(IMAGE, UNEVEN, UNEVEN, DEPTHWISE),
    "activation, then maximum": chain(IMAGE, Activate(RELU), UNEVEN, MAXIMUM),
    "convolution, then maximum": chain(
        IMAGE, replace(CONVOLUTION, activation=RELU), UNEVEN, MAXIMUM
    ),
    "depthwise, then maximum": chain(IMAGE, DEPTHWISE, UNEVEN, MAXIMUM),
    "border, convolution, border, maximum": chain(
        IMAGE, UNEVEN, replace(CONVOLUTION, activation=RELU), UNEVEN, MAXIMUM
    ),
}

KEPT = {
    "pointwise": chain(IMAGE, UNEVEN, Convolution(normal(1, 1, 5, 4))),
    "average": chain(IMAGE, Activate(RELU), UNEVEN, Pooling("average", (3, 3), (2, 2))),
    "negative pixels": chain(IMAGE, Activate(LEAKY), UNEVEN, MAXIMUM),
    "maximum of the input": chain(IMAGE, UNEVEN, MAXIMUM),
    "windows of nothing": chain(
        IMAGE, Activate(RELU), Pad(((2, 0), (0, 0))), Pooling("max", (2, 2), (1, 1))
    ),
    "maximum with a border": chain(
        IMAGE, Activate(RELU), UNEVEN, replace(MAXIMUM, padding=((1, 1), (1, 1)))
    ),
    "another shape": chain(IMAGE, UNEVEN, (9, 12, 5), DEPTHWISE),
}  # fmt: skip


@pytest.mark.parametrize("apply", [merge_borders, optimize], ids=lambda apply: apply.__name__)
@pytest.mark.parametrize("graph", [*MERGED.values(), *KEPT.values()], ids=[*MERGED, *KEPT])
def test_merged_borders_change_no_output(apply, graph):
    inputs, before = normal(3, 9, 8, 5), kinds(graph)
    expected, received = (Plan(each).run([inputs])[0] for each in (graph, apply(graph)))
    np.testing.assert_array_equal(received, expected)
    assert kinds(graph) == before


@pytest.mark.parametrize("graph", MERGED.values(), ids=MERGED.keys())
def test_merged_borders_leave_no_padding(graph):
    assert kinds(merge_borders(graph)) == [kind for kind in kinds(graph) if kind != "Pad"]


@pytest.mark.parametrize("graph", KEPT.values(), ids=KEPT.keys())
def test_border_that_others_cannot_make_stays(graph):
    assert kinds(merge_borders(graph)) == kinds(graph)


def test_border_that_others_read_stays():
    graph = Graph()
    padded = graph.add(UNEVEN, graph.input((9, 8, 5)))
    same = Depthwise(normal(3, 3, 5, 1), padding=((1, 1), (1, 1)))
    graph.output(graph.add(Add(), graph.add(same, padded), padded))
    assert kinds(merge_borders(graph)) == ["Pad", "Depthwise", "Add"]
