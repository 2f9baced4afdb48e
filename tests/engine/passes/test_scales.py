"""Scales and shifts on their way into a weight, past pooling and through reshapes."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from cnnfast.engine.graph import Graph
from cnnfast.engine.passes import optimize
from cnnfast.engine.passes.fold import fold_into_consumers, fold_into_producers
from cnnfast.engine.passes.fuse import fuse_activations
from cnnfast.engine.passes.scales import delay_scales
from cnnfast.engine.plan import Plan
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import Activate, Add
from cnnfast.ops.normalization import ScaleShift
from cnnfast.ops.pooling import GlobalPooling, Pooling
from graphchains import chain, kinds, normal

RELU = ("relu", 0.0, np.inf, 0.0)
TANH = ("tanh", 0.0, 0.0, 0.0)


def scale_shift(channels: int, negative: bool = False) -> ScaleShift:
    scale = np.abs(normal(channels, 1)[:, 0])
    return ScaleShift(-scale if negative else scale, normal(channels, 2)[:, 0])


def assert_same(one: Graph, other: Graph) -> None:
    """Compare outputs within the rounding of weights that were multiplied beforehand."""
    inputs = normal(3, *one.inputs[0].shape)
    expected, received = (Plan(graph).run([inputs])[0] for graph in (one, other))
    error = 4 * tolerances.float32_dot(200, np.abs(expected).max())
    assert np.abs(expected - received).max() <= error


@pytest.mark.parametrize(
    "pooling",
    [
        Pooling("max", (2, 2), (2, 2)),
        Pooling("average", (3, 3), (2, 2), ((1, 0), (0, 1))),
        GlobalPooling("max"),
        GlobalPooling("average"),
    ],
    ids=["max", "average", "global max", "global average"],
)
def test_scale_moves_behind_pooling(pooling):
    graph = chain((8, 6, 5), scale_shift(5), pooling, Activate(RELU))
    delayed = delay_scales(graph)
    assert kinds(delayed) == [type(pooling).__name__, "ScaleShift", "Activate"]
    assert_same(graph, delayed)


def test_scale_moves_behind_one_pooling_after_another_into_the_matrix():
    graph = chain(
        (8, 8, 3), scale_shift(3), Pooling("max", (2, 2), (2, 2)), GlobalPooling("average"),
        Dense(normal(3, 4)),
    )  # fmt: skip
    folded = fold_into_consumers(delay_scales(graph))
    assert kinds(folded) == ["Pooling", "GlobalPooling", "Dense"]
    assert_same(graph, folded)


def test_scale_stays_in_front_of_a_maximum_that_it_turns_around():
    graph = chain((8, 6, 5), scale_shift(5, negative=True), Pooling("max", (2, 2), (2, 2)))
    assert kinds(delay_scales(graph)) == ["ScaleShift", "Pooling"]
    average = chain((8, 6, 5), scale_shift(5, negative=True), Pooling("average", (2, 2), (2, 2)))
    assert kinds(delay_scales(average)) == ["Pooling", "ScaleShift"]


def test_scale_stays_where_pooling_sees_other_channels():
    graph = chain((8, 6), scale_shift(6), (8, 2, 3), Pooling("average", (2, 2), (2, 2)))
    assert kinds(delay_scales(graph)) == ["ScaleShift", "Pooling"]


def test_scale_that_others_read_stays():
    graph = Graph()
    scaled = graph.add(scale_shift(3), graph.input((4, 4, 3)))
    graph.output(graph.add(Add(), scaled, scaled))
    graph.output(graph.add(GlobalPooling("max"), scaled))
    assert kinds(delay_scales(graph)) == kinds(graph)


def test_scale_of_an_image_folds_into_the_matrix_over_all_of_it():
    graph = chain((4, 3, 5), scale_shift(5), (60,), Dense(normal(60, 7), normal(7)))
    folded = fold_into_consumers(graph)
    assert kinds(folded) == ["Dense"]
    assert_same(graph, folded)


@pytest.mark.parametrize(("first", "second", "count"), [(60, 5, 1), (5, 5, 1), (5, 60, 2)])
def test_scales_of_an_image_and_of_all_its_floats_become_one(first, second, count):
    seen = {60: (60,), 5: (4, 3, 5)}
    graph = chain(seen[first], scale_shift(first), seen[second], scale_shift(second))
    folded = fold_into_producers(graph)
    assert kinds(folded) == ["ScaleShift"] * count
    assert_same(graph, folded)


@pytest.mark.parametrize("activation", [RELU, TANH])
def test_scale_applies_the_activation_behind_it(activation):
    graph = chain((4, 3, 5), Activate(TANH), scale_shift(5), Activate(activation))
    fused = fuse_activations(graph)
    assert kinds(fused) == ["Activate", "ScaleShift"]
    inputs = normal(3, 4, 3, 5)
    np.testing.assert_array_equal(Plan(fused).run([inputs])[0], Plan(graph).run([inputs])[0])


@pytest.mark.parametrize(
    "behind",
    [
        Convolution(normal(2, 2, 5, 3)),
        scale_shift(5),
        Pooling("average", (2, 2), (1, 1)),
    ],
    ids=lambda op: type(op).__name__,
)
def test_scale_with_an_activation_is_not_folded_into_what_is_behind(behind):
    active = ScaleShift(normal(5), normal(5), TANH)
    graph = chain((4, 3, 5), active, behind)
    assert len(kinds(optimize(graph))) == 2
    assert_same(graph, optimize(graph))


def test_scale_with_an_activation_folds_into_what_is_in_front_and_keeps_it():
    active = ScaleShift(normal(3), normal(3), TANH)
    for first in (Convolution(normal(2, 2, 5, 3)), Dense(normal(5, 3), normal(3))):
        graph = chain((4, 3, 5), first, active)
        folded = fold_into_producers(graph)
        assert len(kinds(folded)) == 1
        assert_same(graph, folded)
