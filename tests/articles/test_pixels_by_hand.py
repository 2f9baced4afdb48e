"""A network of 12 weights on 4x4 images, its printed weights and its answer checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from cnnfast.layers import Conv2D, Dense, Flatten, MaxPooling2D
from cnnfast.models import Sequential
from summaries import STYLES, assert_summary

# The weights a trained network printed, the image they were tried on, and the answer.
KERNEL = np.array(
    [
        [0.1985341, 0.27599618, 0.20717546],
        [-0.41702896, -0.21289168, 0.12980239],
        [-0.14379142, 0.55261314, -0.49706236],
    ],
    dtype=np.float32,
)
WEIGHTS = [
    KERNEL.reshape(3, 3, 1, 1),
    np.array([0.04198299], dtype=np.float32),
    np.array([[1.5805249]], dtype=np.float32),
    np.array([-0.28272304], dtype=np.float32),
]
PIXELS = np.array([[1, 2, 3, 3], [2, 3, 4, 5], [4, 5, 6, 7], [1, 3, 4, 6]])
ANSWER = 0.42994314
BRIGHTEST = 9


@pytest.fixture
def network() -> Sequential:
    model = Sequential()
    model.add(Conv2D(1, (3, 3), input_shape=(4, 4, 1), activation="relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Flatten())
    model.add(Dense(1, activation="sigmoid"))
    return model


@pytest.fixture
def trained(network: Sequential) -> Sequential:
    network.set_weights(WEIGHTS)
    return network


def answer_by_hand(pixels: np.ndarray, weights: list[np.ndarray]) -> float:
    kernel, bias, gain, shift = (np.asarray(array, np.float64) for array in weights)
    windows = [pixels[row : row + 3, column : column + 3] for row in (0, 1) for column in (0, 1)]
    sums = [float((window * kernel[..., 0, 0]).sum() + bias[0]) for window in windows]
    brightest = max(0.0, *sums)
    return float(1 / (1 + np.exp(-(brightest * gain[0, 0] + shift[0]))))


def bound() -> float:
    """Nine products, one more product, and a sigmoid, whose slope is at most a quarter."""
    magnitude = np.abs(KERNEL).sum() + 1
    logit = float(tolerances.float32_dot(9, magnitude) + tolerances.float32_dot(1, magnitude))
    return logit / 4 + float(tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, ANSWER))


def test_printed_weights_give_the_printed_answer(trained: Sequential, isa: str) -> None:
    outputs = trained.predict((PIXELS / BRIGHTEST).reshape(1, 4, 4, 1), verbose=0)
    assert outputs.shape == (1, 1)
    assert outputs.dtype == np.float32
    assert abs(float(outputs[0, 0]) - ANSWER) <= bound()
    assert bound() < 1e-6


def test_calling_the_network_gives_what_predict_gives(trained: Sequential) -> None:
    image = (PIXELS / BRIGHTEST).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(np.asarray(trained(image)), trained.predict(image, verbose=0))


def test_windows_summed_by_hand_agree_for_many_images(trained: Sequential) -> None:
    images = np.random.default_rng(8).uniform(-1, 1, (50, 4, 4, 1))
    outputs = trained.predict(images, verbose=0).ravel()
    expected = [answer_by_hand(image[..., 0], trained.get_weights()) for image in images]
    assert (np.abs(outputs - expected) <= bound()).all()
    printed = answer_by_hand(PIXELS / BRIGHTEST, WEIGHTS)
    assert abs(printed - ANSWER) <= tolerances.roundings(1, ANSWER)


def test_untrained_network_lists_its_weights_in_layer_order(network: Sequential) -> None:
    shapes = [weights.shape for weights in network.get_weights()]
    assert shapes == [(3, 3, 1, 1), (1,), (1, 1), (1,)]
    assert [variable.name for variable in network.weights] == ["kernel", "bias"] * 2
    assert "shape=(3, 3, 1, 1)" in repr(network.weights[0])


def test_set_weights_are_returned_unchanged(trained: Sequential) -> None:
    for returned, given in zip(trained.get_weights(), WEIGHTS, strict=True):
        np.testing.assert_array_equal(returned, given)


@pytest.mark.parametrize("style", STYLES)
def test_summary_lists_shapes_and_counts(network: Sequential, style: str) -> None:
    rows = [("(None, 2, 2, 1)", 10), ("(None, 1, 1, 1)", 0), ("(None, 1)", 0), ("(None, 1)", 2)]
    text = assert_summary(network, style, rows)
    for name in ("conv2d", "max_pooling2d", "flatten", "dense"):
        assert name in text


@pytest.mark.parametrize(
    ("filters", "channels", "shape"), [(64, 1, (3, 3, 1, 64)), (1, 3, (3, 3, 3, 1))]
)
def test_kernel_shape_follows_filters_and_channels(
    filters: int, channels: int, shape: tuple[int, ...]
) -> None:
    model = Sequential([Conv2D(filters, (3, 3), input_shape=(4, 4, channels))])
    assert model.get_weights()[0].shape == shape
