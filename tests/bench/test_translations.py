"""Peers are given the same network: their translations are run here against cnnfast itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench import networks, weights
from bench.agreement import TOLERANCES, difference
from bench.engines.layouts import channels_first
from cnnfast import Input, Model, Sequential, layers
from cnnfast.engine.graph import Graph

Array = Any
Translate = Callable[[Graph, Array], Array]


def residual() -> Any:
    """Image network with every operation of the large ones."""
    image = Input((13, 10, 3))
    x = layers.ZeroPadding2D(((1, 0), (2, 1)))(image)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    branch = layers.Conv2D(8, 3, padding="same", dilation_rate=2, groups=2, activation="tanh")(x)
    x = layers.Add()([x, branch])
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="relu6")(x)
    x = layers.Concatenate()([x, layers.MaxPooling2D(3, strides=1, padding="same")(x)])
    x = layers.AveragePooling2D(2)(layers.Dense(6, activation="silu")(x))
    gate = layers.Reshape((1, 1, 6))(layers.GlobalAveragePooling2D()(x))
    gate = layers.Conv2D(4, 1, activation="sigmoid")(gate)
    x = layers.Concatenate()([layers.Flatten()(x), layers.Flatten()(gate)])
    return Model(image, layers.Dense(5, activation="softmax")(x))


def uneven_pooling() -> Any:
    return Sequential([
        Input((7, 8, 2)),
        layers.MaxPooling2D(2, padding="same"),
        layers.Conv2D(3, 2, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(2),
    ])  # fmt: skip


def reshaping() -> Any:
    return Sequential([
        Input((12,)),
        layers.Dense(24),
        layers.Reshape((3, 4, 2)),
        layers.Conv2D(5, 2, activation="relu"),
        layers.Reshape((2, 15)),
        layers.Conv1D(4, 2, padding="causal"),
        layers.GlobalMaxPooling1D(),
    ])  # fmt: skip


def excited() -> Any:
    """Image network with squeeze and excitation, and all that merges and resizes."""
    image = Input((9, 8, 4))
    x = layers.Normalization(mean=[0.5, 0.0, -0.5, 1.0], variance=[1.0, 4.0, 2.0, 0.5])(image)
    x = layers.Rescaling(0.5, 0.25)(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(4, 1, activation="sigmoid")(gate)
    x = layers.Multiply()([x, gate])
    small = layers.Cropping2D(((1, 0), (0, 2)))(x)
    even = layers.UpSampling2D((1, 2))(small)
    smooth = layers.UpSampling2D((1, 2), interpolation="bilinear")(small)
    merged = [layer([even, smooth]) for layer in (layers.Subtract(), layers.Average())]
    merged += [layer([even, smooth]) for layer in (layers.Maximum(), layers.Minimum())]
    x = layers.Multiply()([layers.Add()(merged), even])
    return Model(image, layers.Dense(5)(layers.Flatten()(x)))


NETWORKS = {
    function.__name__: function
    for function in (
        residual, excited, uneven_pooling, reshaping, networks.seed1d, networks.imdb,
        networks.audio,
    )
}  # fmt: skip


def by_onnx(graph: Graph, inputs: Array) -> Array:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    from bench.onnx_model import Writer

    session = runtime.InferenceSession(Writer(graph).model(), providers=["CPUExecutionProvider"])
    return session.run(None, {"input": channels_first(inputs)})[0]


def by_torch(graph: Graph, inputs: Array, channels_last: bool = True) -> Array:
    torch = pytest.importorskip("torch")
    from bench.torch_model import Translator

    with torch.inference_mode():
        module = Translator(graph, channels_last).module()
        return module(torch.from_numpy(channels_first(inputs))).numpy()


def by_torch_channels_first(graph: Graph, inputs: Array) -> Array:
    return by_torch(graph, inputs, channels_last=False)


@pytest.mark.parametrize("translate", [by_onnx, by_torch, by_torch_channels_first])
@pytest.mark.parametrize("name", NETWORKS)
def test_translation_computes_what_cnnfast_does(name: str, translate: Translate) -> None:
    model = NETWORKS[name]()
    weights.seed(model, name)
    random = np.random.default_rng(5)
    shape = (3, *model.inputs[0].shape[1:])
    is_text = model.inputs[0].dtype == "int32"
    inputs = (
        random.integers(0, 20000, shape, dtype=np.int32)
        if is_text
        else random.standard_normal(shape, dtype=np.float32)
    )
    graph = Graph()
    value = graph.input(shape[1:], "int32" if is_text else "float32")
    graph.output(model.lower(graph, value))
    received = translate(graph, inputs).reshape(model(inputs).shape)
    assert difference(model(inputs), received, TOLERANCES["float32"]) is None
