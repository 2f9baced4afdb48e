"""A convolution over a random line and one over a random grid, through the old import paths."""

from __future__ import annotations

import numpy as np
import pytest

import cnnfast
import reference
import tolerances
from layercases import assert_close
from summaries import STYLES, assert_summary

SEED = 5


def make_scores() -> cnnfast.layers.Dense:
    normal = cnnfast.initializers.RandomNormal(mean=0.0, stddev=0.1, seed=SEED)
    return cnnfast.layers.Dense(
        5, kernel_initializer=normal, bias_initializer="random_normal", use_bias=True, name="scores"
    )


@pytest.fixture
def line_model() -> cnnfast.Sequential:
    model = cnnfast.Sequential()
    model.add(
        cnnfast.layers.convolutional.Conv1D(
            1, 5, strides=1, padding="valid", input_shape=(25, 1), activation="relu", name="slide"
        )
    )
    model.add(cnnfast.layers.MaxPool1D(pool_size=5, strides=1, padding="valid", name="peaks"))
    model.add(cnnfast.layers.core.Flatten(name="in_a_row"))
    model.add(make_scores())
    return model


@pytest.fixture
def grid_model() -> cnnfast.Sequential:
    model = cnnfast.Sequential()
    model.add(
        cnnfast.layers.Conv2D(
            filters=1, kernel_size=(2, 2), strides=(2, 2), input_shape=(10, 10, 1)
        )
    )
    model.add(cnnfast.layers.MaxPool2D(pool_size=(2, 2), strides=1, padding="valid", name="peaks"))
    model.add(cnnfast.layers.core.Flatten(name="in_a_row"))
    model.add(make_scores())
    return model


def predict_by_hand(
    model: cnnfast.Sequential,
    image: np.ndarray,
    strides: tuple[int, int],
    pool: tuple[int, int],
    activation: reference.Activation,
) -> np.ndarray:
    """Evaluate convolution, pooling and scores in float64; a line is an image one row high."""
    kernel, bias, matrix, shift = model.get_weights()
    kernel = kernel.reshape(-1, *kernel.shape[-3:]) if kernel.ndim == 4 else kernel[np.newaxis]
    features = reference.convolution(image, kernel, bias, strides, activation=activation)
    peaks = reference.pooling("max", features, pool, (1, 1))
    return reference.dense(peaks.reshape(len(image), -1), matrix, shift)


def bound(model: cnnfast.Sequential, inputs: np.ndarray) -> float:
    """Bound two dot products in a row, the second over values as large as the first can give."""
    kernel, bias, matrix, shift = model.get_weights()
    first = tolerances.dot_magnitude(inputs, kernel) + np.abs(bias).max()
    gain = np.abs(matrix).sum(axis=0).max()
    features = tolerances.float32_dot(kernel[..., 0].size, first)
    return float(
        gain * features + tolerances.float32_dot(len(matrix), gain * first + np.abs(shift).max())
    )


def test_line_through_a_model_cut_at_a_named_layer_gives_the_scores(
    line_model: cnnfast.Sequential,
) -> None:
    line = np.random.RandomState(SEED).normal(size=25)[np.newaxis, :, np.newaxis]
    cut = cnnfast.Model(inputs=line_model.input, outputs=line_model.get_layer("scores").output)
    outputs = cut.predict(line, verbose=0)
    rectify = ("relu", 0.0, np.inf, 0.0)
    expected = predict_by_hand(line_model, line[:, np.newaxis], (1, 1), (1, 5), rectify)
    assert outputs.dtype == np.float32
    assert_close(outputs, expected, bound(line_model, line))
    np.testing.assert_array_equal(outputs, line_model.predict(line, verbose=0))


def test_grid_through_a_model_cut_at_a_named_layer_gives_the_scores(
    grid_model: cnnfast.Sequential,
) -> None:
    grid = np.random.RandomState(SEED).normal(size=(1, 10, 10, 1))
    cut = cnnfast.Model(inputs=grid_model.input, outputs=grid_model.get_layer("scores").output)
    expected = predict_by_hand(grid_model, grid, (2, 2), (2, 2), reference.LINEAR)
    assert_close(cut.predict(grid, verbose=0), expected, bound(grid_model, grid))


def test_a_model_cut_in_the_middle_gives_that_layers_output(
    line_model: cnnfast.Sequential,
) -> None:
    line = np.random.RandomState(SEED).normal(size=(3, 25, 1))
    cut = cnnfast.Model(inputs=line_model.input, outputs=line_model.get_layer("peaks").output)
    outputs = cut.predict(line, verbose=0)
    assert outputs.shape == (3, 17, 1)
    assert (outputs >= 0).all()


@pytest.mark.parametrize("style", STYLES)
def test_line_model_summary_lists_shapes_and_counts(
    line_model: cnnfast.Sequential, style: str
) -> None:
    rows = [("(None, 21, 1)", 6), ("(None, 17, 1)", 0), ("(None, 17)", 0), ("(None, 5)", 90)]
    text = assert_summary(line_model, style, rows)
    assert "slide" in text


@pytest.mark.parametrize("style", STYLES)
def test_grid_model_summary_lists_shapes_and_counts(
    grid_model: cnnfast.Sequential, style: str
) -> None:
    rows = [("(None, 5, 5, 1)", 5), ("(None, 4, 4, 1)", 0), ("(None, 16)", 0), ("(None, 5)", 85)]
    assert_summary(grid_model, style, rows)


def test_summary_returns_none_and_prints_by_default(
    line_model: cnnfast.Sequential, capsys: pytest.CaptureFixture[str]
) -> None:
    assert line_model.summary() is None
    assert "Total params: 96" in capsys.readouterr().out


def test_misspelled_filters_argument_is_a_type_error_that_names_filters() -> None:
    with pytest.raises(TypeError, match="filters"):
        cnnfast.layers.Conv2D(filter=1, kernel_size=(2, 2), strides=[1, 1], padding="valid")


def test_channel_axis_in_front_without_channels_first_is_refused_with_the_shapes() -> None:
    layer = cnnfast.layers.Conv2D(
        filters=1, kernel_size=(2, 2), strides=[1, 1], input_shape=(1, 10, 10)
    )
    with pytest.raises(ValueError, match="1, 10, 10") as raised:
        cnnfast.Sequential().add(layer)
    assert layer.name in str(raised.value)
    assert "(2, 2)" in str(raised.value)


def test_one_fixed_seed_gives_the_same_dense_kernel_every_time() -> None:
    first, second = make_scores(), make_scores()
    for layer in (first, second):
        layer.build((None, 17))
    np.testing.assert_array_equal(first.get_weights()[0], second.get_weights()[0])
    assert first.get_weights()[0].std() == pytest.approx(0.1, abs=0.03)
    assert np.abs(first.get_weights()[1]).max() > 0
