"""What depthwise and separable convolutions do beyond the cases that Keras has answers for."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances
from cnnfast import layers

RANDOM = np.random.default_rng(3)


def normal(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape, dtype=np.float32)


def test_separable_of_a_causal_sequence_sees_no_later_input() -> None:
    layer = layers.SeparableConv1D(5, 3, padding="causal", dilation_rate=2, depth_multiplier=2)
    inputs = normal(2, 9, 4)
    outputs = np.asarray(layer(inputs))
    assert outputs.shape == layer.compute_output_shape(inputs.shape) == (2, 9, 5)
    later = inputs.copy()
    later[:, 6:] += 1
    changed = np.asarray(layer(later)) != outputs
    assert not changed[:, :6].any()
    assert changed[:, 6:].any(axis=(0, 2)).all()


def test_separable_of_a_causal_sequence_matches_the_twin() -> None:
    layer = layers.SeparableConv1D(5, 3, padding="causal", dilation_rate=2, depth_multiplier=2)
    inputs = normal(2, 9, 4)
    layer.build(inputs.shape)
    layer.set_weights([normal(*weight.shape) for weight in layer.weights])
    depthwise, pointwise, bias = (weight.numpy() for weight in layer.weights)

    def twin(values, first, second, added):
        border = ((0, 0), (4, 0))
        filters = first.reshape(1, 3, 1, 8)
        between = reference.convolution(
            values[:, np.newaxis], filters, padding=border, dilation=(1, 2), groups=4
        )
        return reference.dense(between[:, 0], second[0], added)

    magnitude = twin(*map(np.abs, (inputs, depthwise, pointwise, bias)))
    error = np.abs(np.asarray(layer(inputs)) - twin(inputs, depthwise, pointwise, bias))
    assert (error <= tolerances.float32_dot(3 + 8, magnitude)).all()


@pytest.mark.parametrize("name", ["DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv2D"])
def test_causal_padding_is_refused_where_keras_never_had_it(name: str) -> None:
    arguments = (4, 3) if name.startswith("Separable") else (3,)
    with pytest.raises(ValueError, match="`padding` must be one of"):
        getattr(layers, name)(*arguments, padding="causal")


def test_separable_with_the_activation_of_a_layer_comes_back() -> None:
    layer = layers.SeparableConv2D(3, 2, activation=layers.PReLU())
    layer.build((None, 5, 6, 2))
    twin = layers.deserialize(layers.serialize(layer))
    assert [w.shape for w in twin.weights] == [w.shape for w in layer.weights]
    assert type(twin.activation) is layers.PReLU
