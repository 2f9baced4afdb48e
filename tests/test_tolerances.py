"""The bounds must hold for correct float32 arithmetic, and fail for the smallest wrong step."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances

CHANNELS = (1, 3, 16, 64, 512)
PADDING = ((1, 1), (1, 1))


def draw(channels: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(channels)
    inputs = random.normal(size=(1, 5, 5, channels)).astype(np.float32)
    return inputs, random.normal(size=(3, 3, channels, 2)).astype(np.float32)


def bound_of(inputs: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    magnitude = reference.convolution_magnitude(inputs, kernel, padding=PADDING)
    return tolerances.float32_dot(kernel[..., 0].size, magnitude)


@pytest.mark.parametrize("channels", CHANNELS)
def test_float32_dot_holds_for_a_sum_in_plain_order(channels: int) -> None:
    inputs, kernel = draw(channels)
    patch, filters = inputs[0, :3, :3].ravel(), kernel.reshape(-1, 2)
    total = np.zeros(2, np.float32)
    for value, weights in zip(patch, filters, strict=True):
        total += value * weights
    exact = reference.convolution(inputs, kernel, padding=PADDING)[0, 1, 1]
    assert (np.abs(total - exact) <= bound_of(inputs, kernel)[0, 1, 1]).all()


@pytest.mark.parametrize("channels", CHANNELS)
def test_float32_dot_rejects_a_dropped_scalar_tap(channels: int) -> None:
    inputs, kernel = draw(channels)
    exact = reference.convolution(inputs, kernel, padding=PADDING)
    kernel[1, 1, 0, 0] = 0
    wrong = reference.convolution(inputs, kernel, padding=PADDING)
    assert (np.abs(wrong - exact) > bound_of(inputs, kernel))[..., 0].mean() > 0.9


@pytest.mark.parametrize("channels", CHANNELS)
def test_float32_dot_rejects_a_neighbouring_pixel(channels: int) -> None:
    inputs, kernel = draw(channels)
    exact = reference.convolution(inputs, kernel, padding=PADDING)
    shifted = reference.convolution(np.roll(inputs, 1, axis=2), kernel, padding=PADDING)
    assert (np.abs(shifted - exact) > bound_of(inputs, kernel)).mean() > 0.95


@pytest.mark.parametrize("name", sorted(reference.ACTIVATIONS))
def test_activation_bound_stays_near_float32_resolution(name: str) -> None:
    inputs = np.linspace(-8, 8, 101)
    parameters = (0.25, 2.0, 0.5)
    outputs = reference.activate(inputs, (name, *parameters))
    bound = tolerances.activation(name, inputs, outputs, *parameters)
    scale = np.maximum(np.abs(inputs), np.abs(outputs)) + 3
    assert (bound <= 2 * np.finfo(np.float32).eps * 8 * scale).all()


@pytest.mark.parametrize("name", sorted(reference.ROW_ACTIVATIONS))
def test_row_bound_rejects_a_value_of_the_neighbouring_column(name: str) -> None:
    inputs = np.random.default_rng(0).normal(size=(20, 12))
    outputs = reference.row_activate(inputs, name)
    bound = np.broadcast_to(tolerances.row_activation(name, inputs, outputs), outputs.shape)
    wrong = np.abs(np.roll(outputs, 1, axis=-1) - outputs) > bound
    assert wrong[outputs != 0].all()
