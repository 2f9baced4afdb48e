"""Convolutions behind max pooling: what is known about zeros, and the gradients that follow."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import graphtwins
import tolerances
from cnnfast._kernels.sparse_gradient import SparseInputGradient, SparseKernelGradient
from cnnfast.engine.differentiate import differentiate
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.parameters import Parameters
from cnnfast.engine.passes.reversible import bind_parameters, fuse_reversible
from cnnfast.engine.plan import live_operations
from cnnfast.engine.variable import Variable
from cnnfast.ops.base import Op
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.elementwise import Activate, Add, Prelu
from cnnfast.ops.gradients import (
    ActivationGradient,
    ConvolutionInputGradient,
    ConvolutionKernelGradient,
)
from cnnfast.ops.pooling import GlobalPooling, Pooling

RELU = ("relu", 0.0, np.inf, 0.0)
GELU = ("gelu", 0.0, 0.0, 0.0)
STEP = 1e-5
DIFFERENCE_ERROR = 1e-8
IMAGES = 3

# Shape of the input, of the kernel, activation, pooling, and the density of what comes back.
CASES: dict[str, Any] = {
    "sequence": ((1, 19, 16), (1, 5, 16, 32), RELU, Pooling("max", (1, 5), (1, 5)), 3 / 15),
    "gelu": ((1, 18, 16), (1, 3, 16, 32), GELU, Pooling("max", (1, 4), (1, 4)), 4 / 16),
    "overlap": ((1, 22, 16), (1, 5, 16, 32), RELU, Pooling("max", (1, 6), (1, 4)), 4 / 18),
    "global": ((1, 17, 16), (1, 5, 16, 32), RELU, GlobalPooling("max"), 1 / 13),
    "image": ((8, 8, 16), (3, 3, 16, 6), RELU, Pooling("max", (3, 3), (3, 3)), 4 / 36),
}


def graph_of(case: Any, rng: np.random.Generator, *rest: Op) -> tuple[Graph, list[Variable]]:
    """Build slopes of a line, which tell the gradient of the input, a convolution and pooling."""
    shape, kernel, activation, pooling, _ = case
    variables = [
        Variable(rng.standard_normal(kernel), "kernel"),
        Variable(rng.standard_normal(kernel[-1:]), "bias"),
        Variable(rng.standard_normal(shape), "slopes"),
    ]
    weights, bias, slopes = (variable.value for variable in variables)
    graph = Graph()
    value = graph.add(Prelu(slopes), graph.input(shape))
    for op in (Convolution(weights, bias), Activate(activation), pooling, *rest):
        value = graph.add(op, value)
    graph.output(value)
    return graph, variables


def backward(graph: Graph, variables: list[Variable]) -> tuple[Graph, dict[Value, int]]:
    """Differentiate as a training plan does."""
    parameters = Parameters(variables)
    graph = fuse_reversible(bind_parameters(graph, parameters))
    seed = graph.input(graph.outputs[0].shape)
    return graph, differentiate(graph, {graph.outputs[0]: seed}, parameters)


def gradient_ops(graph: Graph, variables: list[Variable]) -> tuple[Any, Any]:
    """Differentiate and find what passes the gradient through the convolution."""
    graph, _ = backward(graph, variables)
    ops = [operation.op for operation in graph.operations]
    kinds = (ConvolutionInputGradient, ConvolutionKernelGradient)
    return tuple(next(op for op in ops if isinstance(op, kind)) for kind in kinds)


def slopes_of(graph: Graph, variables: list[Variable]) -> list[Value]:
    """Differentiate and list what is multiplied by slopes of the activation."""
    differentiated, sums = backward(graph, variables)
    operations = live_operations(differentiated.operations, tuple(sums))
    return [
        operation.output for operation in operations if isinstance(operation.op, ActivationGradient)
    ]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(15)


@pytest.mark.parametrize("name", CASES)
def test_density_is_that_of_a_pixel_for_each_window(name: str, rng: np.random.Generator) -> None:
    for op in gradient_ops(*graph_of(CASES[name], rng)):
        assert op.received == pytest.approx(CASES[name][-1])


def test_density_is_one_behind_average_pooling_and_sums(rng: np.random.Generator) -> None:
    shape, kernel, activation, *_ = CASES["sequence"]
    average = (shape, kernel, activation, Pooling("average", (1, 5), (1, 5)), 1.0)
    graph, variables = graph_of(CASES["sequence"], rng)
    activated = graph.operations[-2].output
    both = graph.add(GlobalPooling("max"), activated)
    graph.outputs[0] = graph.add(Add(), graph.add(GlobalPooling("max"), graph.outputs[0]), both)
    for given in (graph_of(average, rng), (graph, variables)):
        assert {op.received for op in gradient_ops(*given)} == {1.0}


@pytest.mark.parametrize("name", ["sequence", "overlap", "global"])
def test_sparse_kernels_are_taken_where_little_comes_back(
    name: str, rng: np.random.Generator
) -> None:
    graph, variables = graph_of(CASES[name], rng)
    shape = CASES[name][0]
    output = graph.operations[1].output.shape
    to_input, to_kernel = gradient_ops(graph, variables)
    assert isinstance(to_input.prepare(output), SparseInputGradient)
    assert isinstance(to_kernel.prepare(shape, output), SparseKernelGradient)


@pytest.mark.parametrize("name", ["sequence", "global", "image"])
def test_slopes_are_those_of_the_maxima(name: str, rng: np.random.Generator) -> None:
    graph, variables = graph_of(CASES[name], rng)
    pooled = graph.outputs[0].shape
    assert [value.shape for value in slopes_of(graph, variables)] == [pooled]


def test_slopes_behind_average_pooling_are_those_of_all_pixels(rng: np.random.Generator) -> None:
    shape, kernel, activation, *_ = CASES["sequence"]
    case = (shape, kernel, activation, Pooling("average", (1, 5), (1, 5)), 1.0)
    graph, variables = graph_of(case, rng)
    convolved = graph.operations[1].output.shape
    assert [value.shape for value in slopes_of(graph, variables)] == [convolved]


def problem(name: str) -> tuple[Graph, list[np.ndarray], list[np.ndarray], list[Variable]]:
    """Build the graph of a case, with numbers that are the same every time."""
    rng = np.random.default_rng(15)
    graph, variables = graph_of(CASES[name], rng)
    x = (-1 - rng.random((IMAGES, *CASES[name][0]))).astype(np.float32)
    seed = rng.standard_normal((IMAGES, *graph.outputs[0].shape)).astype(np.float32)
    return graph, [x], [seed], variables


@functools.cache
def expected(name: str) -> list[np.ndarray]:
    return graphtwins.differences(*problem(name), STEP)


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_differences_of_the_twins(isa: str, name: str) -> None:
    graph, inputs, seeds, variables = problem(name)
    terms = seeds[0].size * int(np.prod(CASES[name][1][:2]))
    found = graphtwins.engine_gradients(graph, inputs, seeds, variables)
    for ours, theirs in zip(found, expected(name), strict=True):
        magnitude = max(1.0, float(np.abs(theirs).max()))
        error = float(tolerances.float32_sum(terms + 8, magnitude)) + DIFFERENCE_ERROR * magnitude
        assert np.abs(theirs).max() > 0
        assert np.all(np.abs(ours - theirs) <= error)
