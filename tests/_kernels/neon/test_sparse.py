"""The kernels of gradients that are mostly zero, in the NEON table, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from neonharness import Harness, assert_within, normal

pytestmark = pytest.mark.neon

PIXELS = 11


def sparse(rng: np.random.Generator, filters: int) -> np.ndarray:
    return normal(rng, PIXELS, filters) * (rng.random((PIXELS, filters)) < 0.3)


def test_sparse_kernel_every_tile_sums_what_is_not_zero(
    harness: Harness, rng: np.random.Generator
) -> None:
    names = harness.names("sparse_kernel")
    assert {"1x1", "9x1", "7x2", "3x4"} <= set(names)
    for name in names:
        taps, width = int(name[0]), int(name[2]) * harness.lanes
        filters = harness.lanes + 1
        dy, x = sparse(rng, filters), normal(rng, PIXELS + taps - 1, width)
        old = normal(rng, filters, taps, width)
        found = harness.run("sparse_kernel", name, (PIXELS, filters), dy, x, old)
        seen = np.stack([x[t : t + PIXELS] for t in range(taps)], dtype=np.float64)
        exact = old + np.einsum("qk,tqc->ktc", dy, seen)
        magnitude = np.abs(old) + np.einsum("qk,tqc->ktc", np.abs(dy), np.abs(seen))
        error = tolerances.float32_dot(PIXELS + 1, magnitude)
        assert_within(found.reshape(old.shape), exact, error)


def test_sparse_input_every_tile_reaches_the_pixels_of_its_window(
    harness: Harness, rng: np.random.Generator
) -> None:
    for name in harness.names("sparse_input"):
        taps, width = int(name[0]), int(name[2]) * harness.lanes
        filters = harness.lanes + 1
        dy, weights = sparse(rng, filters), normal(rng, filters, taps, width)
        first = -(taps // 2)
        pixels = PIXELS + taps - 1 + 2 * first
        exact, magnitude = np.zeros((2, PIXELS + taps - 1, width))
        for t in range(taps):
            exact[t : t + PIXELS] += dy @ weights[:, t].astype(np.float64)
            magnitude[t : t + PIXELS] += np.abs(dy) @ np.abs(weights[:, t])
        inside = slice(-first, -first + pixels)
        for old in (np.zeros((0, width)), normal(rng, pixels, width)):
            numbers = (PIXELS, filters, first, pixels, len(old))
            found = harness.run("sparse_input", name, numbers, dy, weights, old)
            there = old if len(old) else 0.0
            error = tolerances.float32_dot(filters * taps + 1, magnitude[inside] + np.abs(there))
            assert_within(found.reshape(pixels, width), exact[inside] + there, error)


def test_copy_slice_fills_up_with_zeros(harness: Harness, rng: np.random.Generator) -> None:
    for channels in harness.sizes():
        width = min(-(-channels // harness.lanes), 2) * harness.lanes
        x = normal(rng, 5, channels)
        found = harness.run("copy_slice", "copy_slice", (channels, 5, channels, width), x).reshape(
            5, width
        )
        kept = min(channels, width)
        np.testing.assert_array_equal(found[:, :kept], x[:, :kept])
        assert not found[:, kept:].any()


def test_add_transposed_adds_the_transpose(harness: Harness, rng: np.random.Generator) -> None:
    for filters in harness.sizes():
        for channels in harness.sizes():
            step = -(-channels // harness.lanes) * harness.lanes
            out, sums = normal(rng, channels, filters), normal(rng, filters, step)
            found = harness.run(
                "add_transposed", "add_transposed", (step, filters, channels), out, sums
            )
            np.testing.assert_array_equal(found.reshape(out.shape), out + sums[:, :channels].T)
