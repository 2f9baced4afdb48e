"""Which kernel a convolution is given, and the eager form."""

from __future__ import annotations

import numpy as np
import pytest

import cnnfast
import reference
import tolerances
from cnnfast import config, layers
from cnnfast.ops import conv2d
from cnnfast.ops.convolution import Convolution


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


def kernel_name(op: Convolution, *shape: int) -> str:
    return type(op.prepare(shape)).__name__


@pytest.fixture
def direct():
    """Turn Winograd off for a test."""
    config.set_winograd(False)
    yield
    config.set_winograd(True)


def test_prepare_takes_winograd_for_wide_3x3_filters_only():
    wide = normal(3, 3, 32, 32)
    assert kernel_name(Convolution(wide), 16, 16, 32) == "Winograd"
    assert kernel_name(Convolution(wide), 3, 3, 32) == "Convolution"
    assert kernel_name(Convolution(wide, strides=(2, 2)), 16, 16, 32) == "Convolution"
    assert kernel_name(Convolution(wide, dilation=(2, 2)), 16, 16, 32) == "Convolution"
    assert kernel_name(Convolution(normal(3, 3, 16, 32)), 16, 16, 16) == "Convolution"
    assert kernel_name(Convolution(normal(3, 3, 32, 64), groups=2), 16, 16, 64) == "Convolution"
    assert kernel_name(Convolution(normal(1, 1, 32, 64)), 16, 16, 32) == "Dense"


def test_prepare_takes_winograd_for_wide_5x5_filters_only():
    wide = normal(5, 5, 32, 32)
    assert kernel_name(Convolution(wide), 14, 14, 32) == "Winograd"
    assert kernel_name(Convolution(wide), 5, 5, 32) == "Convolution"
    assert kernel_name(Convolution(wide, strides=(2, 2)), 16, 16, 32) == "Convolution"
    assert kernel_name(Convolution(wide, dilation=(2, 2)), 16, 16, 32) == "Convolution"
    assert kernel_name(Convolution(normal(5, 5, 16, 32)), 16, 16, 16) == "Winograd"
    assert kernel_name(Convolution(normal(5, 5, 15, 32)), 16, 16, 15) == "Convolution"
    assert kernel_name(Convolution(normal(5, 5, 32, 64), groups=2), 16, 16, 64) == "Convolution"
    assert kernel_name(Convolution(normal(5, 3, 32, 64)), 16, 16, 32) == "Convolution"


@pytest.mark.parametrize("behind", [
    [], [layers.MaxPooling2D()], [layers.AveragePooling2D()], [layers.BatchNormalization()],
])  # fmt: skip
def test_model_of_wide_5x5_filters_takes_winograd_and_gives_what_direct_sums_give(isa, behind):
    model = cnnfast.Sequential(
        [cnnfast.Input((14, 14, 64)), layers.Conv2D(64, 5, padding="same"), *behind]
    )
    kernel, bias = (variable.numpy() for variable in model.layers[0].weights)
    x = normal(3, 14, 14, 64)
    fast = model.predict(x, verbose=0)
    config.set_winograd(False)
    try:
        exact = model.predict(x, verbose=0)
    finally:
        config.set_winograd(True)
    assert (fast != exact).any()
    magnitude = reference.convolution_magnitude(x, kernel, bias, padding=((2, 2), (2, 2)))
    # Winograd's sums may err three times as much as direct ones, relative to the largest.
    error = 4 * tolerances.float32_dot(25 * 64, magnitude.max())
    assert np.abs(fast - exact).max() <= error


def test_prepare_takes_winograd_for_wide_filters_along_rows_only():
    wide, few = normal(1, 7, 32, 32), normal(1, 7, 16, 32)
    assert kernel_name(Convolution(wide), 1, 100, 32) == "WinogradSequence"
    assert kernel_name(Convolution(wide), 9, 20, 32) == "WinogradSequence"
    assert kernel_name(Convolution(wide, dilation=(1, 3)), 1, 100, 32) == "WinogradSequence"
    assert kernel_name(Convolution(wide, strides=(1, 2)), 1, 100, 32) == "Convolution"
    assert kernel_name(Convolution(wide, padding=((1, 0), (0, 0))), 1, 100, 32) == "Convolution"
    assert kernel_name(Convolution(wide, direct=True), 1, 100, 32) == "Convolution"
    assert kernel_name(Convolution(few), 1, 100, 16) == "Convolution"
    assert kernel_name(Convolution(few, groups=2), 1, 100, 32) == "Convolution"
    assert kernel_name(Convolution(normal(7, 1, 32, 32)), 20, 20, 32) == "Convolution"


def test_prepare_takes_direct_sums_where_winograd_is_off(direct):
    assert kernel_name(Convolution(normal(3, 3, 32, 32)), 16, 16, 32) == "Convolution"
    assert kernel_name(Convolution(normal(1, 7, 32, 32)), 1, 100, 32) == "Convolution"


def test_set_winograd_compiles_models_anew():
    model = cnnfast.Sequential([cnnfast.Input((12, 12, 32)), layers.Conv2D(32, 3)])
    x = normal(2, 12, 12, 32)
    fast = model(x)
    config.set_winograd(False)
    try:
        exact = model(x)
    finally:
        config.set_winograd(True)
    assert (fast != exact).any()
    np.testing.assert_array_equal(model(x), fast)


def test_set_winograd_takes_truth_values_only():
    with pytest.raises(TypeError, match="True or False"):
        config.set_winograd(1)
    assert config.winograd() is True


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv2d_matches_the_twin(isa, padding):
    inputs, kernel, bias = normal(2, 9, 8, 3), normal(3, 2, 3, 5), normal(5)
    border = ((0, 0), (0, 0)) if padding == "valid" else ((1, 1), (0, 1))
    expected = reference.convolution(inputs, kernel, bias, padding=border)
    magnitude = reference.convolution_magnitude(inputs, kernel, bias, padding=border)
    error = np.abs(conv2d(inputs, kernel, bias, padding=padding) - expected)
    assert (error <= tolerances.float32_dot(18, magnitude)).all()


@pytest.mark.parametrize("change", [
    np.asfortranarray,
    lambda x: x.astype(np.float64),
    lambda x: x.astype(">f4"),
    lambda x: x.tolist(),
    lambda x: np.repeat(x, 2, axis=0)[::2],
])  # fmt: skip
def test_conv2d_takes_arrays_of_any_kind(change):
    inputs, kernel = normal(2, 5, 5, 3), normal(3, 3, 3, 2)
    np.testing.assert_array_equal(conv2d(change(inputs), kernel), conv2d(inputs, kernel))


@pytest.mark.parametrize(("arguments", "options", "message"), [
    ((normal(5, 5, 3), normal(3, 3, 3, 2)), {}, r"\(N, H, W, C\). Received shape \(5, 5, 3\)"),
    ((normal(1, 5, 5, 4), normal(3, 3, 3, 2)), {}, r"\(H, W, 3\). Received shape \(5, 5, 4\)"),
    ((normal(1, 2, 5, 3), normal(3, 3, 3, 2)), {}, "zero or negative"),
    ((normal(1, 5, 5, 3), normal(3, 3, 3, 2), normal(3)), {}, r"shape \(2,\)"),
    ((normal(1, 5, 5, 3), normal(3, 3, 3, 2)), {"padding": "wide"}, "padding"),
    ((normal(1, 5, 5, 3), normal(3, 3, 3, 2)), {"groups": 3}, "groups"),
    ((normal(1, 5, 5, 3), normal(3, 3, 3, 2)), {"strides": 0}, "strides"),
])  # fmt: skip
def test_conv2d_of_wrong_arguments_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        conv2d(*arguments, **options)


def test_conv2d_of_text_is_refused():
    with pytest.raises(TypeError, match="real numbers"):
        conv2d(np.array([["a"]]), normal(3, 3, 3, 2))
