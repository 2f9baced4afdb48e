"""The depthwise kernel of the NEON table against its NumPy twin."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances
from neonharness import UNTOUCHED, Harness, assert_within, normal

pytestmark = pytest.mark.neon


@pytest.mark.parametrize("window", [(3, 3), (5, 5), (2, 3), (1, 4)], ids=str)
@pytest.mark.parametrize("step", [1, 2])
def test_depthwise_two_rows_of_pixels_match_numpy(
    harness: Harness, rng: np.random.Generator, window: tuple[int, int], step: int
) -> None:
    (R, S), pixels, lanes = window, 6, harness.lanes
    width = S + step * (pixels - 1)
    for channels in harness.sizes():
        x, kernel = normal(rng, 1, R + 1, width, channels), normal(rng, R, S, 1, channels)
        bias = normal(rng, channels)
        constants = np.concatenate([bias[np.newaxis], kernel.reshape(-1, channels)])
        starts = np.minimum(np.arange(0, channels, lanes), max(channels - lanes, 0))
        panels = np.zeros((len(starts), len(constants), lanes), np.float32)
        for panel, start in zip(panels, starts, strict=True):
            panel[:, : min(lanes, channels)] = constants[:, start : start + lanes]
        row, y_step = width * channels, channels + 2
        distances = (step * channels, row, lanes, S * lanes, panels[0].size, y_step)
        numbers = (R, row, S, channels, *distances, pixels * y_step, 2, pixels, channels)
        found = harness.run("depthwise", "depthwise", numbers, [-2.0, 2.5], panels, x)
        table = np.append(found, [UNTOUCHED] * 2).reshape(2, pixels, y_step)
        assert np.all(table[..., channels:] == np.float32(UNTOUCHED))
        options = {"strides": (1, step), "groups": channels}
        expected = np.clip(reference.convolution(x, kernel, bias, **options), -2.0, 2.5)[0]
        magnitude = reference.convolution_magnitude(x, kernel, bias, **options)[0]
        error = tolerances.float32_dot(R * S, magnitude)
        assert_within(table[..., :channels], expected, error)
