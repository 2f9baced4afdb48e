"""The gradient of every operation that layers make, against central differences of the twins.

Each input of the operation under test is a leaky line of negative numbers with a slope for every
element, so that the gradients of the slopes show the gradient of each element of the input.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import graphtwins
import tolerances
from cnnfast.engine.graph import Graph
from cnnfast.engine.variable import Variable
from cnnfast.ops.base import Op
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import Activate, Add, Combine, Prelu, RowActivate
from cnnfast.ops.gradients import rule_of
from cnnfast.ops.layout import Concatenate, Pad, Permute
from cnnfast.ops.normalization import Gate, ScaleShift
from cnnfast.ops.pooling import GlobalPooling, Pooling
from cnnfast.ops.resizing import Crop, Enlarge

Shape = tuple[int, ...]
STEP = 1e-5
# Differences of second order err by STEP^2 times a third derivative, and by roundings over STEP.
DIFFERENCE_ERROR = 1e-8
RELU = ("relu", 0.0, np.inf, 0.0)


class Case(NamedTuple):
    """Operations to choose from by name, weights and further arguments; inputs' shapes."""

    make: Callable[..., Op]
    shapes: tuple[Shape, ...]
    weights: tuple[Shape, ...] = ()


def conv(**options: Any) -> Callable[..., Op]:
    return lambda kernel, bias=None: Convolution(kernel, bias, **options)


def depthwise(**options: Any) -> Callable[..., Op]:
    return lambda kernel, bias=None: Depthwise(kernel, bias, **options)


def fixed(op: Op) -> Callable[..., Op]:
    return lambda: op


def line(shape: Shape) -> ScaleShift:
    channels = np.arange(1, shape[-1] + 1, dtype=np.float32)
    return ScaleShift(channels / 2 - 2, channels, RELU)


SAME = ((1, 1), (1, 1))
CASES = {
    "conv": Case(conv(padding=SAME), ((4, 5, 2),), ((3, 3, 2, 3), (3,))),
    "conv of many channels": Case(
        conv(padding=((2, 2), (2, 2))), ((3, 2, 32),), ((5, 5, 32, 2), (2,))
    ),
    "conv of many filters": Case(
        conv(padding=((2, 2), (2, 2))), ((2, 4, 1),), ((5, 5, 1, 32), (32,))
    ),
    "conv strided": Case(conv(strides=(2, 3)), ((5, 6, 2),), ((3, 2, 2, 3),)),
    "conv strided and dilated": Case(
        conv(strides=(2, 1), dilation=(1, 2), padding=((0, 0), (2, 2))), ((5, 6, 2),),
        ((2, 3, 2, 3),),
    ),
    "conv dilated and grouped": Case(
        conv(dilation=(2, 2), groups=2, padding=((2, 2), (2, 2))), ((5, 5, 4),),
        ((3, 3, 2, 6), (6,)),
    ),
    "depthwise": Case(depthwise(padding=SAME), ((5, 6, 3),), ((3, 3, 3, 1), (3,))),
    "depthwise of two filters": Case(depthwise(), ((4, 5, 3),), ((2, 3, 3, 2), (6,))),
    "depthwise strided": Case(
        depthwise(strides=(2, 2), padding=((0, 1), (0, 1)), activation=RELU), ((6, 6, 2),),
        ((3, 3, 2, 1),),
    ),
    "depthwise with gaps": Case(depthwise(strides=(3, 4)), ((5, 9, 2),), ((2, 2, 2, 1),)),
    "depthwise dilated sequence": Case(
        depthwise(dilation=(1, 3), padding=((0, 0), (3, 3))), ((1, 9, 2),), ((1, 3, 2, 2), (4,))
    ),
    "depthwise strided and dilated": Case(
        depthwise(strides=(2, 2), dilation=(2, 3), padding=SAME), ((7, 8, 2),), ((2, 2, 2, 1),)
    ),
    "depthwise five": Case(depthwise(padding=((2, 2), (2, 2))), ((4, 5, 1),), ((5, 5, 1, 1),)),
    "depthwise seven in line": Case(depthwise(), ((1, 12, 1),), ((1, 7, 1, 1),)),
    "dense": Case(lambda kernel, bias: Dense(kernel, bias), ((2, 3),), ((3, 4), (4,))),
    "prelu": Case(Prelu, ((3, 4),), ((4,),)),
    "prelu shared rows": Case(Prelu, ((2, 3, 2),), ((2, 1, 2),)),
    "prelu of one slope": Case(Prelu, ((5, 3),), ((1,),)),
    "scale and shift": Case(fixed(line((2, 5))), ((2, 5),)),
    "gate": Case(fixed(Gate()), ((3, 2, 5), (5,))),
    "add": Case(fixed(Add()), ((7,), (7,), (7,))),
    "combine add": Case(fixed(Combine("add")), ((7,), (7,))),
    "subtract": Case(fixed(Combine("subtract")), ((3, 5), (3, 5))),
    "multiply": Case(fixed(Combine("multiply")), ((3, 5), (3, 5))),
    "multiply four": Case(fixed(Combine("multiply")), ((9,),) * 4),
    "maximum": Case(fixed(Combine("maximum")), ((4, 5),) * 3),
    "minimum": Case(fixed(Combine("minimum")), ((4, 5),) * 3),
    "softmax": Case(fixed(RowActivate("softmax")), ((2, 5),)),
    "log_softmax": Case(fixed(RowActivate("log_softmax")), ((2, 5),)),
    "sparsemax": Case(fixed(RowActivate("sparsemax")), ((3, 5),)),
    "glu": Case(fixed(RowActivate("glu")), ((2, 6),)),
    "gelu": Case(fixed(Activate(("gelu", 0.0, 0.0, 0.0))), ((9,),)),
    "pad": Case(fixed(Pad(((1, 0), (2, 1)))), ((2, 3, 2),)),
    "permute": Case(fixed(Permute((2, 0, 1))), ((2, 3, 4),)),
    "concatenate": Case(fixed(Concatenate(1)), ((2, 3, 2), (2, 1, 2), (2, 2, 2))),
    "crop": Case(fixed(Crop(((1, 0), (2, 1)))), ((3, 5, 2),)),
    "nearest": Case(fixed(Enlarge((2, 3))), ((2, 3, 2),)),
    "nearest sequence": Case(fixed(Enlarge((1, 2))), ((1, 4, 3),)),
    "bilinear": Case(fixed(Enlarge((2, 3), "bilinear")), ((2, 3, 2),)),
    "bilinear of one pixel": Case(fixed(Enlarge((3, 2), "bilinear")), ((1, 1, 2),)),
    "max pooling": Case(fixed(Pooling("max", (2, 3), (2, 1), ((0, 1), (1, 1)))), ((5, 4, 2),)),
    "average pooling": Case(
        fixed(Pooling("average", (3, 2), (2, 2), ((1, 1), (0, 1)))), ((5, 5, 2),)
    ),
    "global maximum": Case(fixed(GlobalPooling("max")), ((3, 2, 4),)),
    "global average": Case(fixed(GlobalPooling("average")), ((3, 2, 4),)),
}  # fmt: skip


class Problem(NamedTuple):
    graph: Graph
    inputs: list[np.ndarray]
    seeds: list[np.ndarray]
    variables: list[Variable]


def problem(name: str, images: int) -> Problem:
    """Build the graph of a case, with numbers that are the same every time."""
    rng = np.random.default_rng([len(name), *name.encode()])
    make, shapes, weights = CASES[name]
    variables = [Variable(rng.standard_normal(shape), f"w{shape}") for shape in weights]
    op = make(*(variable.value for variable in variables))
    graph, values = Graph(), []
    for shape in shapes:
        slopes = Variable(rng.standard_normal(shape), f"slopes{shape}")
        variables.append(slopes)
        values.append(graph.add(Prelu(slopes.value), graph.input(shape)))
    graph.output(graph.add(op, *values))
    draws = [-1 - rng.random((images, *shape)) for shape in shapes]
    seed = rng.standard_normal((images, *graph.outputs[0].shape)).astype(np.float32)
    return Problem(graph, [draw.astype(np.float32) for draw in draws], [seed], variables)


@functools.cache
def expected(name: str, images: int) -> list[np.ndarray]:
    return graphtwins.differences(*problem(name, images), STEP)


def bound(case: Case, gradient: np.ndarray, images: int) -> float:
    """Bound sums of as many terms as one weight can have, as large as the largest gradient."""
    terms = images * max(int(np.prod(shape)) for shape in (*case.shapes, *case.weights))
    magnitude = max(1.0, float(np.abs(gradient).max()))
    return float(tolerances.float32_sum(terms + 8, magnitude)) + DIFFERENCE_ERROR * magnitude


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("name", CASES)
def test_gradients_are_differences_of_the_twins(isa: str, name: str, images: int) -> None:
    found = graphtwins.engine_gradients(*problem(name, images))
    for ours, theirs in zip(found, expected(name, images), strict=True):
        assert np.abs(theirs).max() > 0
        assert np.all(np.abs(ours - theirs) <= bound(CASES[name], theirs, images))


def test_rules_exist_for_all_operations_with_a_twin() -> None:
    tested = {type(case.make(*(np.ones(s) for s in case.weights))) for case in CASES.values()}
    assert set(graphtwins.TWINS) - tested == {graphtwins.Embedding}
    for name, case in CASES.items():
        op = case.make(*(np.ones(shape) for shape in case.weights))
        rule = rule_of(op, case.shapes)
        assert rule is not None, name
        assert len(rule.inputs) == len(case.shapes)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_choice_of_equal_inputs_passes_back_to_the_first(name: str) -> None:
    graph = Graph()
    slopes = [Variable(np.array(row), "slopes") for row in ([1, 2, 1], [1, 1, 2], [1, 2, 2])]
    values = [graph.add(Prelu(slope.value), graph.input((3,))) for slope in slopes]
    graph.output(graph.add(Combine(name), *values))
    ones = np.ones((1, 3), np.float32)
    found = graphtwins.engine_gradients(graph, [-ones] * 3, [ones], slopes)
    first = [0, 1, 0] if name == "maximum" else [0, 0, 1]
    np.testing.assert_array_equal(-np.array(found), np.eye(3)[first].T)


def test_prelu_of_zero_passes_nothing_back_as_in_tensorflow() -> None:
    graph, inner, outer = Graph(), Variable([0.0], "inner"), Variable([0.5], "outer")
    value = graph.add(Prelu(inner.value), graph.input((1,)))
    graph.output(graph.add(Prelu(outer.value), value))
    ones = np.ones((1, 1), np.float32)
    found = graphtwins.engine_gradients(graph, [-ones], [ones], [inner, outer])
    assert [float(gradient[0]) for gradient in found] == [0.0, 0.0]
