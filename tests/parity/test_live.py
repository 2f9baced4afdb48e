"""Random layers and models against Keras itself, weights and configurations exchanged.

Keras runs on TensorFlow in the same process; without either the tests skip.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cnnfast
import strategies
import tolerances
from layercases import Case, assert_close

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis:UserWarning"),
]

BATCH = 3
MODELS = settings(max_examples=25)
BOTH_SIDES = 2
seeds = st.integers(0, 2**32 - 1)
image_shapes = st.one_of(strategies.shapes(1), strategies.shapes(2))


def draw_weights(weights: list[np.ndarray], random: np.random.Generator) -> list[np.ndarray]:
    """Give kernels unit gain, and everything else values between 0.5 and 1.5."""
    drawn = []
    for value in weights:
        if value.ndim > 1:
            fan_in = int(np.prod(value.shape[:-1]))
            drawn.append(random.normal(size=value.shape) / np.sqrt(fan_in))
        else:
            drawn.append(random.uniform(0.5, 1.5, size=value.shape))
    return [value.astype(np.float32) for value in drawn]


def layer_case(layer: Any, inputs: np.ndarray, expected: np.ndarray) -> Case:
    return Case(
        layer.name, cnnfast.layers.serialize(layer), [inputs], layer.get_weights(), expected
    )


def model_bound(model: Any, inputs: Any, expected: np.ndarray) -> np.ndarray:
    """Bound a stack of layers with unit gain: each adds one sum as long as its largest kernel."""
    longest = max((weights.size for weights in model.get_weights()), default=1)
    largest = max(np.abs(np.asarray(array)).max() for array in [*inputs, expected])
    return BOTH_SIDES * len(model.layers) * tolerances.float32_dot(longest, 4 + largest)


def build_stack(shape: strategies.Shape, data: st.DataObject, depth: int) -> Any:
    """Draw a Sequential model layer by layer, following its shape."""
    model = cnnfast.Sequential([cnnfast.Input(shape)])
    for _ in range(depth):
        name, options = data.draw(strategies.layers_for(model.output_shape[1:]))
        model.add(getattr(cnnfast.layers, name)(**options))
    return model


def assert_same_in_keras(keras: ModuleType, model: Any, random: np.random.Generator) -> None:
    """Move a model to Keras and back, and compare the three predictions."""
    model.set_weights(draw_weights(model.get_weights(), random))
    theirs = keras.models.model_from_json(model.to_json())
    theirs.set_weights(model.get_weights())
    back = cnnfast.models.model_from_json(theirs.to_json())
    back.set_weights(theirs.get_weights())
    inputs = [
        random.normal(size=(BATCH, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs
    ]
    arguments = inputs if len(inputs) > 1 else inputs[0]
    expected = [np.asarray(value) for value in keras.tree.flatten(theirs(arguments))]
    outputs, again = model.predict(arguments, verbose=0), back.predict(arguments, verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    again = again if isinstance(again, list) else [again]
    for ours, returned, wanted in zip(outputs, again, expected, strict=True):
        assert_close(ours, wanted, model_bound(model, inputs, wanted))
        np.testing.assert_array_equal(ours, returned)


@given(shape=image_shapes, data=st.data(), seed=seeds)
def test_random_layer_with_random_weights_gives_keras_outputs(
    keras: ModuleType, isa: str, shape: strategies.Shape, data: st.DataObject, seed: int
) -> None:
    random = np.random.default_rng(seed)
    name, options = data.draw(strategies.layers_for(shape))
    inputs = random.normal(size=(BATCH, *shape)).astype(np.float32)
    layer = getattr(cnnfast.layers, name)(**options)
    layer.build((None, *shape))
    layer.set_weights(draw_weights(layer.get_weights(), random))
    oracle = getattr(keras.layers, name)(**options)
    oracle.build((None, *shape))
    oracle.set_weights(layer.get_weights())
    expected = np.asarray(oracle(inputs))
    assert_close(layer(inputs), expected, layer_case(layer, inputs, expected).bound())


@given(shape=image_shapes, data=st.data(), seed=seeds)
def test_random_layer_configured_by_keras_is_the_same_layer(
    keras: ModuleType, shape: strategies.Shape, data: st.DataObject, seed: int
) -> None:
    name, options = data.draw(strategies.layers_for(shape))
    oracle = getattr(keras.layers, name)(**options)
    layer = cnnfast.layers.deserialize(keras.layers.serialize(oracle))
    returned = keras.layers.deserialize(cnnfast.layers.serialize(layer))
    assert returned.get_config() == oracle.get_config()
    shapes = [part.compute_output_shape((None, *shape)) for part in (layer, oracle)]
    assert tuple(shapes[0]) == tuple(shapes[1])


@MODELS
@given(shape=image_shapes, data=st.data(), depth=st.integers(1, 5), seed=seeds)
def test_random_sequential_model_moves_to_keras_and_back(
    keras: ModuleType, shape: strategies.Shape, data: st.DataObject, depth: int, seed: int
) -> None:
    model = build_stack(shape, data, depth)
    assert_same_in_keras(keras, model, np.random.default_rng(seed))


@MODELS
@given(shape=strategies.shapes(2), filters=strategies.channels, merge=st.booleans(), seed=seeds)
def test_branching_model_with_shared_layer_and_two_outputs_moves_to_keras_and_back(
    keras: ModuleType, shape: strategies.Shape, filters: int, merge: bool, seed: int
) -> None:
    layers = cnnfast.layers
    first, second = cnnfast.Input(shape), cnnfast.Input(shape)
    shared = layers.Conv2D(filters, 3, padding="same", activation="relu")
    left, right = shared(first), shared(second)
    narrow = layers.BatchNormalization()(layers.Conv2D(filters, 1, use_bias=False)(left))
    joined = layers.Add()([narrow, right]) if merge else layers.Concatenate()([narrow, right])
    pooled = layers.GlobalAveragePooling2D()(layers.ReLU()(joined))
    scores = layers.Dense(3, activation="softmax")(pooled)
    model = cnnfast.Model(inputs=[first, second], outputs=[scores, left])
    assert_same_in_keras(keras, model, np.random.default_rng(seed))


@MODELS
@given(shape=strategies.shapes(2), data=st.data(), seed=seeds)
def test_nested_models_move_to_keras_and_back(
    keras: ModuleType, shape: strategies.Shape, data: st.DataObject, seed: int
) -> None:
    inner = build_stack(shape, data, 2)
    outer = cnnfast.Sequential([cnnfast.Input(shape), inner])
    name, options = data.draw(strategies.layers_for(outer.output_shape[1:]))
    outer.add(getattr(cnnfast.layers, name)(**options))
    assert_same_in_keras(keras, outer, np.random.default_rng(seed))


@MODELS
@given(length=st.integers(7, 40), width=strategies.channels, seed=seeds)
def test_embedding_model_gives_keras_outputs(
    keras: ModuleType, length: int, width: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    layers = cnnfast.layers
    stack = [layers.Embedding(50, width), layers.Conv1D(8, 7), layers.GlobalMaxPooling1D()]
    model = cnnfast.Sequential([cnnfast.Input((length,)), *stack])
    model.set_weights(draw_weights(model.get_weights(), random))
    theirs = keras.models.model_from_json(model.to_json())
    theirs.set_weights(model.get_weights())
    inputs = random.integers(0, 50, (BATCH, length))
    expected = np.asarray(theirs(inputs))
    largest = np.abs(model.get_weights()[0])
    assert_close(
        model.predict(inputs, verbose=0), expected, model_bound(model, [largest], expected)
    )


@given(shape=image_shapes, data=st.data(), seed=seeds)
def test_channels_first_layer_equals_permuted_channels_last_keras_layer(
    keras: ModuleType, isa: str, shape: strategies.Shape, data: st.DataObject, seed: int
) -> None:
    random = np.random.default_rng(seed)
    families = [strategies.convolutions(shape), strategies.poolings(shape)]
    name, options = data.draw(st.one_of(*families, strategies.global_poolings(shape)))
    # Softmax runs along the last axis, which is the channels in one layout only.
    assume(options.get("activation") != "softmax")
    inputs = random.normal(size=(BATCH, *shape)).astype(np.float32)
    oracle = getattr(keras.layers, name)(**options)
    oracle.build((None, *shape))
    oracle.set_weights(draw_weights(oracle.get_weights(), random))
    expected = np.asarray(oracle(inputs))
    first = np.ascontiguousarray(np.moveaxis(inputs, -1, 1))
    layer = getattr(cnnfast.layers, name)(**options, data_format="channels_first")
    layer.build((None, *first.shape[1:]))
    layer.set_weights(oracle.get_weights())
    outputs = np.asarray(layer(first))
    bound = layer_case(layer, inputs, expected).bound()
    wanted = expected if expected.ndim == 2 else np.moveaxis(expected, -1, 1)
    assert_close(outputs, wanted, np.moveaxis(bound, -1, 1) if bound.ndim > 2 else bound)
