"""Packed weights stay within a multiple of the file's size."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from cnnfast.engine.graph import Graph
from cnnfast.engine.passes import budget
from cnnfast.engine.passes.budget import spare_memory, transformed
from cnnfast.engine.plan import Plan, compile_graph
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.pooling import Pooling

# What `model.plan` promises.
MOST_OF_FILE = 2.5


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


def residual_like(side: int = 16) -> Graph:
    """Nothing but 3 x 3 convolutions, as in a ResNet34, of 16, 8 and 4 pixels in a row."""
    graph = Graph()
    value = graph.input((side, side, 32))
    for before, filters in ((32, 64), (64, 128), (128, 256)):
        kernel = normal(3, 3, before, filters) / 30
        value = graph.add(Convolution(kernel, normal(filters), padding=((1, 1), (1, 1))), value)
        value = graph.add(Pooling("max", (2, 2), (2, 2)), value)
    graph.output(value)
    return graph


def kernels_of(graph: Graph) -> list[Convolution]:
    return [operation.op for operation in graph.operations if isinstance(operation.op, Convolution)]


def test_budget_keeps_packed_weights_of_small_images_in_bounds(monkeypatch):
    monkeypatch.setattr(budget, "FREE", 0)
    graph = residual_like()
    size = sum(op.kernel.nbytes + op.bias.nbytes for op in kernels_of(graph))
    assert Plan(graph).weights > MOST_OF_FILE * size
    assert compile_graph(graph).weights <= MOST_OF_FILE * size


def test_budget_counts_the_products_along_sequences(monkeypatch):
    graph = Graph()
    value = graph.input((1, 100, 64))
    for _ in range(3):
        value = graph.add(Convolution(normal(1, 5, 64, 64) / 20, normal(64)), value)
    graph.output(value)
    size = sum(op.kernel.nbytes + op.bias.nbytes for op in kernels_of(graph))
    assert not any(op.direct for op in kernels_of(spare_memory(graph)))
    monkeypatch.setattr(budget, "FREE", 0)
    assert Plan(graph).weights > MOST_OF_FILE * size
    assert [op.direct for op in kernels_of(spare_memory(graph))] == [False, False, True]
    assert compile_graph(graph).weights <= MOST_OF_FILE * size


def test_budget_goes_to_the_convolutions_with_most_pixels(monkeypatch):
    monkeypatch.setattr(budget, "FREE", 0)
    spared = kernels_of(spare_memory(residual_like()))
    assert [op.direct for op in spared] == [False, False, True]


def test_budget_takes_algorithms_from_neighbours(monkeypatch):
    monkeypatch.setattr(budget, "FREE", 0)
    monkeypatch.setattr(budget, "MOST", 0)
    graph = Graph()
    value = graph.input((16, 16, 32))
    for _ in range(3):
        value = graph.add(Convolution(normal(3, 3, 32, 32) / 17, padding=((1, 1), (1, 1))), value)
    graph.output(value)
    spared = spare_memory(graph)
    assert [op.direct for op in kernels_of(spared)] == [True] * 3
    assert Plan(spared).run([normal(1, 16, 16, 32)])[0].shape == (1, 16, 16, 32)


def test_budget_counts_36_products_for_the_weights_of_a_5x5_filter():
    graph = Graph()
    op = Convolution(normal(5, 5, 32, 32), padding=((2, 2), (2, 2)))
    graph.output(graph.add(op, graph.input((16, 16, 32))))
    ((_, more),) = transformed(graph)
    assert more == pytest.approx(op.kernel.nbytes * 11 / 25)
    # Beside the products there are a bias for each of them and a row of zeros.
    assert op.prepare((16, 16, 32)).weights == pytest.approx(op.kernel.nbytes + more, rel=0.05)


def test_budget_leaves_small_networks_and_those_with_other_weights_alone(monkeypatch):
    graph = residual_like()
    assert not any(op.direct for op in kernels_of(spare_memory(graph)))
    monkeypatch.setattr(budget, "FREE", 0)
    with_dense = Graph()
    value = with_dense.input((16, 16, 32))
    for operation in graph.operations:
        value = with_dense.add(operation.op, value)
    flat = with_dense.reshape(value, (1024,))
    with_dense.output(with_dense.add(Dense(normal(1024, 1000)), flat))
    assert not any(op.direct for op in kernels_of(spare_memory(with_dense)))


def test_budget_changes_outputs_by_rounding_only(monkeypatch):
    monkeypatch.setattr(budget, "FREE", 0)
    graph = residual_like()
    x = normal(3, 16, 16, 32)
    (expected,), (found,) = Plan(graph).run([x]), Plan(spare_memory(graph)).run([x])
    # Each output is the same sum of 9 * 128 products on both sides, added up in another order.
    bound = 2 * tolerances.float32_dot(9 * 128, np.abs(expected).max())
    assert 0 < np.abs(found - expected).max() <= bound
