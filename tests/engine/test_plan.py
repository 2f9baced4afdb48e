"""Graphs compiled and run, against the same operations in float64."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances
from cnnfast.engine.graph import Graph
from cnnfast.engine.plan import Plan, compile_graph
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import Activate, Add
from cnnfast.ops.embedding import Embedding

RELU = ("relu", 0.0, np.inf, 0.0)
SAME3 = ((1, 1), (1, 1))


def normal(*shape: int) -> np.ndarray:
    """Draw a float32 array; the same shape gives the same array."""
    return np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


def residual_graph() -> Graph:
    """Build x -> conv -> conv -> + conv(x) -> dense, of a few thousand operations per image."""
    graph = Graph()
    image = graph.input((9, 10, 3))
    first = graph.add(Convolution(normal(3, 3, 3, 8), normal(8), padding=SAME3), image)
    second = graph.add(
        Convolution(normal(3, 3, 8, 8) / 8, None, padding=SAME3, activation=RELU), first
    )
    total = graph.add(Add(), first, second)
    flat = graph.reshape(total, (9 * 10 * 8,))
    graph.output(graph.add(Dense(normal(720, 5) / 30, normal(5)), flat))
    return graph


def residual_twin(images: np.ndarray) -> np.ndarray:
    first = reference.convolution(images, normal(3, 3, 3, 8), normal(8), padding=SAME3)
    second = reference.convolution(first, normal(3, 3, 8, 8) / 8, padding=SAME3)
    total = first + np.maximum(second, 0)
    return reference.dense(total.reshape(len(images), -1), normal(720, 5) / 30, normal(5))


def test_plan_of_a_residual_graph_matches_the_twin(isa):
    images = normal(11, 9, 10, 3)
    outputs = Plan(residual_graph()).run([images])[0]
    expected = residual_twin(images)
    # Three layers of sums, the longest of 720 terms; errors of earlier layers add to later ones.
    bound = 3 * tolerances.float32_dot(720, 4 * np.abs(expected).max())
    assert np.abs(outputs - expected).max() <= bound


@pytest.mark.parametrize("images", [1, 2, 3, 6, 7, 8, 150])
def test_plan_threads_and_batch_size_change_no_bit(isa, images):
    plan = Plan(residual_graph())
    everything = normal(150, 9, 10, 3)
    expected = plan.run([everything], threads=1)[0][:images]
    for threads in (1, 2, 7):
        given = np.ascontiguousarray(everything[:images])
        np.testing.assert_array_equal(plan.run([given], threads=threads)[0], expected)


def test_plan_keeps_no_constants_beside_the_packed_ones():
    graph = residual_graph()
    plan = compile_graph(graph)
    del graph
    ops = [line.operation.op for line in plan._lines]
    arrays = [each for op in ops for each in vars(op).values() if isinstance(each, np.ndarray)]
    assert any(array.size for array in arrays)
    assert not any(any(array.strides) for array in arrays)


def test_plan_uses_a_graph_up_only_if_asked():
    graph = residual_graph()
    operations = list(graph.operations)
    Plan(graph)
    assert graph.operations == operations
    Plan(graph, used_up=True)
    assert graph.operations == []


def test_plan_leaves_out_what_no_output_needs():
    graph = residual_graph()
    work = Plan(graph).work
    graph.add(Convolution(normal(3, 3, 3, 64)), graph.inputs[0])
    assert Plan(graph).work == work


def test_plan_an_input_can_be_an_output_and_repeated():
    graph = Graph()
    value = graph.input((2, 3))
    graph.output(value)
    graph.output(graph.reshape(value, (6,)))
    graph.output(graph.add(Activate(RELU), value))
    graph.output(graph.outputs[-1])
    x = normal(4, 2, 3)
    same, flat, relu, again = Plan(graph).run([x])
    np.testing.assert_array_equal(same, x)
    np.testing.assert_array_equal(flat, x.reshape(4, 6))
    np.testing.assert_array_equal(relu, np.maximum(x, 0))
    np.testing.assert_array_equal(again, relu)
    assert not np.shares_memory(same, x)


def test_plan_an_output_can_feed_other_operations():
    graph = Graph()
    first = graph.add(Activate(RELU), graph.input((5,)))
    graph.output(first)
    graph.output(graph.add(Dense(np.eye(5)), first))
    x = normal(3, 5)
    first_output, second_output = Plan(graph).run([x])
    np.testing.assert_array_equal(first_output, second_output)


def test_plan_empty_batch_gives_empty_outputs():
    assert Plan(residual_graph()).run([np.empty((0, 9, 10, 3), np.float32)])[0].shape == (0, 5)


def test_plan_wrong_size_is_an_error_not_a_crash():
    with pytest.raises(ValueError, match=r"must hold 1080 bytes. Received 1076"):
        Plan(residual_graph()).run([np.zeros((1, 269), np.float32)])


def test_plan_arrays_are_not_held_after_an_error():
    outputs = np.zeros((1, 4), np.float32)
    with pytest.raises(ValueError, match="must hold"):
        Plan(residual_graph()).run([normal(1, 9, 10, 3)], [outputs])
    outputs.resize((2, 4), refcheck=False)


def test_plan_read_only_outputs_are_refused():
    outputs = np.zeros((1, 5), np.float32)
    outputs.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        Plan(residual_graph()).run([normal(1, 9, 10, 3)], [outputs])


def test_plan_memory_is_reused_between_calls():
    plan = Plan(residual_graph())
    x = normal(8, 9, 10, 3)
    first = plan.run([x], threads=2)[0]
    for _ in range(50):
        np.testing.assert_array_equal(plan.run([x], threads=2)[0], first)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
@pytest.mark.parametrize("bad", [-1, 7])
def test_plan_an_id_outside_the_table_is_an_error(dtype, bad):
    graph = Graph()
    ids = graph.input((3,), "int32" if dtype is np.int32 else "float32")
    graph.output(graph.add(Embedding(normal(7, 4)), ids))
    plan = Plan(graph)
    found = plan.run([np.array([[0, 6, 3]], dtype)])[0]
    np.testing.assert_array_equal(found[0], normal(7, 4)[[0, 6, 3]])
    message = rf"ids from 0 to 6. Received {bad}\S* at position \(0, 1\)"
    with pytest.raises(ValueError, match=message):
        plan.run([np.array([[0, bad, 3]], dtype)])


def test_graph_integers_become_floats_where_an_op_wants_them():
    graph = Graph()
    graph.output(graph.add(Dense(np.eye(3)), graph.input((3,), "int32")))
    x = np.array([[1, -2, 2**24]], np.int32)
    np.testing.assert_array_equal(Plan(graph).run([x])[0], x.astype(np.float32))


def test_graph_reshape_to_another_size_is_an_error():
    graph = Graph()
    with pytest.raises(ValueError, match="6 items"):
        graph.reshape(graph.input((2, 3)), (5,))
