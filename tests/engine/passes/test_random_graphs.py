"""All passes on graphs nobody thought of: outputs stay, and nothing is left to do."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tolerances
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.passes import PASSES, optimize
from cnnfast.engine.passes.identity import is_identity
from cnnfast.engine.plan import Plan
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import LINEAR, Activate, Add, Combine
from cnnfast.ops.layout import Concatenate, Pad, Permute
from cnnfast.ops.normalization import Gate, ScaleShift
from cnnfast.ops.pooling import GlobalPooling, Pooling
from cnnfast.ops.resizing import Crop, Enlarge

LONGEST = 6
# Terms of a sum: pixels of a window times channels, or all floats of an image.
TERMS = 1000
ACTIVATIONS = [LINEAR, ("relu", 0.0, np.inf, 0.0), ("relu", 0.0, 6.0, 0.0), ("tanh", 0.0, 0, 0)]
# Scales and images meet most often.
KINDS = ["scale"] * 5 + ["image"] * 6 + ["activate", "dense", "branch", "flatten", "gate"]
sides = st.tuples(st.integers(0, 2), st.integers(0, 2))
borders = st.tuples(sides, sides)


def numbers(draw: Any, *shape: int) -> np.ndarray:
    """Draw weights whose sums stay about as large as what goes in."""
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    gain = 1 / np.sqrt(max(1, int(np.prod(shape[:-1]))))
    return (gain * random.standard_normal(shape)).astype(np.float32)


def scale_of(draw: Any, channels: int) -> ScaleShift:
    scale, shift = numbers(draw, channels), numbers(draw, channels)
    kind = draw(st.sampled_from(["any", "positive", "one", "no shift"]))
    if kind == "positive":
        scale = np.abs(scale)
    if kind == "one":
        scale, shift = np.ones_like(scale), np.zeros_like(shift)
    return ScaleShift(scale, 0 * shift if kind == "no shift" else shift)


def image_op(draw: Any, shape: tuple[int, ...]) -> Any:
    """Draw an operation on images that fits."""
    H, W, C = shape
    window = (draw(st.integers(1, min(3, H))), draw(st.integers(1, min(3, W))))
    border, activation = draw(borders), draw(st.sampled_from(ACTIVATIONS))
    filters = draw(st.integers(1, 5))
    makers = {
        "conv": lambda: Convolution(
            numbers(draw, *window, C, filters), padding=border, activation=activation
        ),
        "depthwise": lambda: Depthwise(numbers(draw, *window, C, 2), padding=border),
        "max": lambda: Pooling("max", window, window),
        "average": lambda: Pooling("average", window, (1, 1)),
        "pad": lambda: Pad(draw(st.sampled_from([border, ((0, 0), (0, 0))]))),
        "crop": lambda: Crop(((H > 1, 0), (0, W > 2))),
        "enlarge": lambda: Enlarge((1, draw(st.integers(1, 2)))),
        "permute": lambda: Permute(tuple(draw(st.permutations([0, 1, 2])))),
        "global": lambda: GlobalPooling(draw(st.sampled_from(["max", "average"]))),
    }
    return makers[draw(st.sampled_from([*sorted(makers), "max", "max", "global"]))]()


def step(draw: Any, graph: Graph, value: Value) -> Value:
    """Add one operation, or a branch that comes together again."""
    C = value.shape[-1]
    kind = draw(st.sampled_from(KINDS))
    if kind == "scale":
        return graph.add(scale_of(draw, C), value)
    if kind == "activate":
        return graph.add(Activate(draw(st.sampled_from(ACTIVATIONS))), value)
    if kind == "dense":
        return graph.add(Dense(numbers(draw, C, 4), numbers(draw, 4)), value)
    if kind == "branch":
        other = graph.add(scale_of(draw, C), value)
        op = draw(st.sampled_from([Add(), Combine("maximum"), Combine("multiply")]))
        return graph.add(op, value, other)
    if len(value.shape) < 3:
        return graph.add(Concatenate(len(value.shape) - 1), value, value)
    if kind == "flatten":
        return graph.reshape(value, (value.size,))
    if kind == "image":
        return graph.add(image_op(draw, value.shape), value)
    return graph.add(Gate(), value, graph.add(GlobalPooling("average"), value))


@st.composite
def graphs(draw: Any) -> Graph:
    graph = Graph()
    value = graph.input(draw(st.tuples(*[st.integers(1, 5)] * 3)))
    for _ in range(draw(st.integers(1, LONGEST))):
        value = step(draw, graph, value)
        if value.size > TERMS:
            break
    graph.output(value)
    return graph


@settings(max_examples=200, deadline=None)
@given(graph=graphs(), seed=st.integers(0, 2**16))
def test_passes_keep_what_a_random_graph_computes(graph: Graph, seed: int) -> None:
    shape = (3, *graph.inputs[0].shape)
    inputs = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    kinds = [type(operation.op) for operation in graph.operations]
    (expected,) = Plan(graph).run([inputs])
    rewritten = graph
    for apply in PASSES:
        rewritten = apply(rewritten)
        (received,) = Plan(rewritten).run([inputs])
        assert received.shape == expected.shape
        # Terms of a sum may be larger than the sum; each operation adds roundings of its own.
        magnitude = 8 * LONGEST * max(1.0, float(np.abs(expected).max()))
        assert np.abs(received - expected).max() <= tolerances.float32_dot(TERMS, magnitude)
    assert [type(operation.op) for operation in graph.operations] == kinds


def things_done(graph: Graph) -> int:
    """Count operations, and activations that others apply, for pooling may come before these."""
    ops = [operation.op for operation in graph.operations]
    others = [op for op in ops if not isinstance(op, Activate)]
    return len(ops) + sum(getattr(op, "activation", LINEAR) != LINEAR for op in others)


@settings(max_examples=50, deadline=None)
@given(graph=graphs())
def test_passes_leave_no_identity_and_do_no_more_than_before(graph: Graph) -> None:
    optimized = optimize(graph)
    assert things_done(optimized) <= things_done(graph)
    assert not any(map(is_identity, optimized.operations))
