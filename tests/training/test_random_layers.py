"""Gradients through layers nobody thought of, against central differences of the twins."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cnnfast
import graphtwins
import strategies
import tolerances
from cnnfast import layers
from cnnfast.training.lowered import lower_model

STEP = 1e-5
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
Shape = tuple[int, ...]
Description = tuple[str, dict[str, Any]]


@st.composite
def depthwise_layers(draw: st.DrawFn, shape: Shape) -> Description:
    """Draw a depthwise or separable convolution that fits the shape."""
    spatial, rank = shape[:-1], strategies.SPATIAL_RANK[len(shape)]
    size = tuple(draw(st.integers(1, 5)) for _ in spatial)
    dilation = draw(st.sampled_from([1, 1, 2]))
    reach = [(taps - 1) * dilation + 1 for taps in size]
    fits = all(taps <= length for taps, length in zip(reach, spatial, strict=True))
    options: dict[str, Any] = {
        "kernel_size": size,
        "strides": 1 if dilation > 1 else draw(st.integers(1, 3)),
        "padding": draw(st.sampled_from(["same", "valid"] if fits else ["same"])),
        "depth_multiplier": draw(st.sampled_from([1, 1, 2])),
        "dilation_rate": dilation,
        "activation": draw(st.sampled_from(strategies.ACTIVATIONS)),
    }
    if draw(st.booleans()):
        return f"SeparableConv{rank}", {"filters": draw(st.sampled_from([1, 3, 5])), **options}
    return f"DepthwiseConv{rank}", options


@st.composite
def resizing_layers(draw: st.DrawFn, shape: Shape) -> Description:
    """Draw what cuts or enlarges."""
    if len(shape) == 2:
        cut = (0, shape[0] - 1)
        return draw(
            st.sampled_from([("UpSampling1D", {"size": 3}), ("Cropping1D", {"cropping": cut})])
        )
    factors = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    how = draw(st.sampled_from(["nearest", "bilinear"]))
    sides = tuple((draw(st.integers(0, (length - 1) // 2)), 0) for length in shape[:2])
    options: list[Description] = [
        ("UpSampling2D", {"size": factors, "interpolation": how}),
        ("Cropping2D", {"cropping": sides}),
    ]
    return draw(st.sampled_from(options))


@st.composite
def plain_layers(draw: st.DrawFn, shape: Shape) -> Description:
    """Draw what keeps the shape and does the same in training and prediction."""
    axes = range(1, len(shape) + 1)
    shared = draw(st.lists(st.sampled_from(axes), unique=True))
    rows = draw(st.sampled_from(["log_softmax", "softmax", "sparsemax", "mish", "softsign"]))
    options: list[Description] = [
        ("PReLU", {"alpha_initializer": "normal", "shared_axes": shared}),
        ("Softmax", {"axis": draw(st.sampled_from(axes))}),
        ("BatchNormalization", {"trainable": False}),
        ("Activation", {"activation": rows}),
        ("ReLU", {"max_value": 6.0, "negative_slope": 0.125}),
    ]
    return draw(st.sampled_from(options))


def layers_for(shape: Shape) -> st.SearchStrategy[Description]:
    """Return the strategies that suit a shape."""
    if len(shape) not in strategies.SPATIAL_RANK:
        return st.one_of(plain_layers(shape), strategies.dense_layers(shape))
    return st.one_of(
        depthwise_layers(shape),
        depthwise_layers(shape),
        strategies.convolutions(shape),
        strategies.poolings(shape),
        strategies.paddings(shape),
        strategies.global_poolings(shape),
        strategies.reshaping_layers(shape),
        strategies.dense_layers(shape),
        resizing_layers(shape),
        plain_layers(shape),
    )


@st.composite
def models(draw: st.DrawFn) -> Any:
    """Draw a model that begins with a slope for each element, so that these show its gradient."""
    rank = draw(st.integers(1, 2))
    shape = (*(draw(st.integers(1, 5)) for _ in range(rank)), draw(st.sampled_from([1, 2, 3, 4])))
    inputs = cnnfast.Input(shape)
    tensor = layers.PReLU()(inputs)
    for _ in range(draw(st.integers(1, 3))):
        name, options = draw(layers_for(tuple(tensor.shape[1:])))
        tensor = getattr(layers, name)(**options)(tensor)
    if draw(st.booleans()):
        other = layers.Activation("tanh")(tensor)
        tensor = getattr(layers, draw(st.sampled_from(MERGES)))()([tensor, other])
    return cnnfast.Model(inputs, tensor)


def graph_of(model: Any) -> Any:
    return lower_model(model, [tuple(model.inputs[0].shape[1:])], training=True).graph


def grow(model: Any, random: np.random.Generator) -> int:
    """Give all weights numbers of a useful size; count those that train."""
    values = [random.standard_normal(weight.shape) for weight in model.weights]
    for index, weight in enumerate(model.weights):
        fan_in = max(1, int(np.prod(weight.shape[:-1])))
        values[index] /= 1 if "alpha" in weight.path else np.sqrt(fan_in)
        if "variance" in weight.path:
            values[index] = 0.5 + np.abs(values[index])
    model.set_weights(values)
    return sum(weight.size for weight in model.trainable_weights)


@settings(max_examples=60)
@given(models(), st.integers(0, 2**16))
def test_gradients_of_random_layers_are_differences_of_the_twins(model: Any, seed: int) -> None:
    random = np.random.default_rng(seed)
    assume(grow(model, random) <= 400)
    variables = model.trainable_weights
    graph = graph_of(model)
    inputs = [-1 - random.random((2, *model.inputs[0].shape[1:])).astype(np.float32)]
    seeds = [random.standard_normal((2, *graph.outputs[0].shape)).astype(np.float32)]
    expected = graphtwins.differences(graph, inputs, seeds, variables, STEP)
    largest = max(1.0, *(float(np.abs(gradient).max()) for gradient in expected))
    coarse = graphtwins.differences(graph, inputs, seeds, variables, 4 * STEP)
    # Near a corner of a piecewise line both steps see different slopes, and float32 another side.
    for one, other in zip(expected, coarse, strict=True):
        assume(np.abs(one - other).max() < 1e-6 * largest)
    found = graphtwins.engine_gradients(graph_of(model), inputs, seeds, variables)
    terms = 2 * max(value.size for value in (operation.output for operation in graph.operations))
    error = tolerances.float32_sum(terms * len(graph.operations), 4 * largest) + 1e-6 * largest
    for ours, theirs in zip(found, expected, strict=True):
        assert np.all(np.abs(ours - theirs) <= error)
