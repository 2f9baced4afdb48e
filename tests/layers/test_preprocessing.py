"""Rescaling, and Normalization that learns from data or is told."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from cnnfast import layers

RANDOM = np.random.default_rng(5)
IMAGES = RANDOM.normal(3.0, 2.0, size=(6, 4, 5, 3)).astype(np.float32)


@pytest.mark.parametrize("axis", [-1, 1, None, (1, 3), (1, 2, 3)])
def test_normalization_adapted_to_data_gives_it_mean_0_and_deviation_1(axis) -> None:
    layer = layers.Normalization(axis=axis)
    layer.adapt(IMAGES)
    outputs = layer(IMAGES).astype(np.float64)
    axes = () if axis is None else (axis,) if isinstance(axis, int) else axis
    reduced = tuple(place for place in range(4) if place not in [axis % 4 for axis in axes])
    count = int(np.prod([IMAGES.shape[place] for place in reduced]))
    error = tolerances.float32_sum(count, np.abs(outputs).max())
    assert (np.abs(outputs.mean(axis=reduced)) <= error).all()
    assert (np.abs(outputs.std(axis=reduced) - 1) <= error).all()


def test_normalization_adapts_to_batches_as_to_the_whole() -> None:
    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(IMAGES)
    parts.adapt(iter([IMAGES[:2], IMAGES[2:3], IMAGES[3:]]))
    for one, other in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_normalization_adapted_again_predicts_with_the_new_statistics() -> None:
    layer = layers.Normalization()
    layer.adapt(IMAGES)
    before = layer(IMAGES)
    layer.adapt(2 * IMAGES)
    error = tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, np.abs(before) + 3)
    assert (np.abs(layer(2 * IMAGES) - before) <= error).all()


def test_normalization_inverted_undoes_a_normalization() -> None:
    there, back = layers.Normalization(), layers.Normalization(invert=True)
    there.adapt(IMAGES)
    back.adapt(IMAGES)
    error = tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, np.abs(IMAGES) + 3)
    assert (np.abs(back(there(IMAGES)) - IMAGES) <= error).all()


def test_normalization_that_knows_its_statistics_refuses_to_adapt() -> None:
    with pytest.raises(ValueError, match="was given"):
        layers.Normalization(mean=0.0, variance=1.0).adapt(IMAGES)


@pytest.mark.parametrize("data", [IMAGES[:0], []])
def test_normalization_refuses_to_adapt_to_nothing(data) -> None:
    with pytest.raises(ValueError, match="no samples"):
        layers.Normalization().adapt(data)


@pytest.mark.parametrize(
    "options",
    [
        {"mean": 1.0},
        {"variance": 1.0},
        {"mean": [1.0, 2.0], "variance": 1.0},
        {"mean": "one", "variance": "two"},
    ],
)
def test_normalization_refuses_half_of_its_statistics(options) -> None:
    with pytest.raises(ValueError, match="Normalization layer"):
        layers.Normalization(**options)


@pytest.mark.parametrize("axis", [0, 4, -4])
def test_normalization_refuses_the_batch_axis_and_axes_that_are_not_there(axis) -> None:
    with pytest.raises(ValueError, match="other than the batch axis"):
        layers.Normalization(axis=axis)(IMAGES)


@pytest.mark.parametrize("scale", ["half", [[1.0, 2.0]], None, [1.0, [2.0]]])
def test_rescaling_refuses_what_is_no_number_or_list_of_numbers(scale) -> None:
    with pytest.raises(ValueError, match="`scale` must"):
        layers.Rescaling(scale)


def test_rescaling_refuses_a_list_of_another_length_than_the_channels() -> None:
    with pytest.raises(ValueError, match="`offset` must have a number for each channel"):
        layers.Rescaling(1.0, [1.0, 2.0])(IMAGES)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float64])
def test_rescaling_takes_pixels_of_any_type(dtype) -> None:
    pixels = RANDOM.integers(0, 256, size=(2, 3, 3, 3)).astype(dtype)
    outputs = layers.Rescaling(1 / 128, -1)(pixels)
    np.testing.assert_array_equal(outputs, (pixels / 128 - 1).astype(np.float32))
