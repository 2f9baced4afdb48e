"""Operations that change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from cnnfast.engine.graph import Graph
from cnnfast.engine.passes.identity import drop_identities
from cnnfast.engine.plan import Plan
from cnnfast.ops.elementwise import LINEAR, Activate, Add, Combine
from cnnfast.ops.layout import Concatenate, Pad, Permute
from cnnfast.ops.normalization import ScaleShift
from cnnfast.ops.pooling import Pooling
from cnnfast.ops.resizing import Crop, Enlarge

SHAPE = (4, 1, 3)
ONES, ZEROS = np.ones(3, np.float32), np.zeros(3, np.float32)
NOTHING = ((0, 0), (0, 0))
RELU = ("relu", 0.0, np.inf, 0.0)

IDENTITIES = {
    "linear": Activate(LINEAR),
    "scale of one": ScaleShift(ONES, ZEROS),
    "no border": Pad(NOTHING),
    "no cropping": Crop(NOTHING),
    "factor of one": Enlarge((1, 1)),
    "order kept": Permute((0, 1, 2)),
    "axis of one element moved": Permute((1, 0, 2)),
    "one part": Concatenate(1),
    "one summand": Add(),
    "one factor": Combine("multiply"),
    "windows of a pixel": Pooling("average", (1, 1), (1, 1)),
}
CHANGES = {
    "activation": Activate(RELU),
    "scale": ScaleShift(2 * ONES, ZEROS),
    "shift": ScaleShift(ONES, ONES),
    "scale of one with an activation": ScaleShift(ONES, ZEROS, RELU),
    "border": Pad(((0, 0), (1, 0))),
    "cropping": Crop(((1, 0), (0, 0))),
    "factor": Enlarge((1, 2)),
    "order": Permute((2, 1, 0)),
    "strides": Pooling("max", (1, 1), (2, 1)),
    "windows": Pooling("max", (2, 1), (1, 1)),
}


def graph_of(op) -> Graph:
    """Put an operation between two others."""
    graph = Graph()
    before = graph.add(ScaleShift(2 * ONES, ONES), graph.input(SHAPE))
    value = graph.add(op, before)
    graph.output(graph.add(Activate(RELU), value))
    return graph


def run(graph: Graph) -> np.ndarray:
    inputs = np.random.default_rng(1).standard_normal((5, *SHAPE), dtype=np.float32)
    return Plan(graph).run([inputs])[0]


@pytest.mark.parametrize("op", IDENTITIES.values(), ids=IDENTITIES.keys())
def test_identity_is_taken_out(op):
    graph = graph_of(op)
    tidied = drop_identities(graph)
    assert [type(operation.op) for operation in tidied.operations] == [ScaleShift, Activate]
    assert tidied.outputs[0].shape == graph.outputs[0].shape
    np.testing.assert_array_equal(run(tidied), run(graph))


@pytest.mark.parametrize("op", CHANGES.values(), ids=CHANGES.keys())
def test_operation_that_changes_something_stays(op):
    graph = graph_of(op)
    assert len(drop_identities(graph).operations) == 3


def test_identities_between_input_and_output_leave_a_copy():
    graph = Graph()
    value = graph.add(Permute((1, 0, 2)), graph.input(SHAPE))
    graph.output(graph.add(Activate(LINEAR), graph.reshape(value, (12,))))
    graph.output(value)
    tidied = drop_identities(graph)
    assert tidied.operations == []
    inputs = np.arange(24, dtype=np.float32).reshape(2, *SHAPE)
    flat, moved = Plan(tidied).run([inputs])
    np.testing.assert_array_equal(flat, inputs.reshape(2, 12))
    np.testing.assert_array_equal(moved, inputs.reshape(2, 1, 4, 3))
    assert not np.shares_memory(flat, moved)
