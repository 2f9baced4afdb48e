"""Gradients of weights against sums in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.weight_gradient import (
    BiasGradient,
    ConvolutionKernelGradient,
    DenseKernelGradient,
)

# (R, S), strides, padding (top, bottom, left, right), dilation, groups
GEOMETRIES = [
    ((3, 3), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    ((3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    ((2, 5), (2, 3), (0, 1, 2, 2), (1, 1), 1),
    ((3, 2), (1, 1), (2, 2, 0, 2), (2, 2), 1),
    ((1, 3), (1, 2), (0, 0, 1, 0), (1, 1), 2),
]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def sizes() -> list[int]:
    lanes, rows = dispatch.lanes(), dispatch.gemm_rows()
    return sorted({1, 2, rows - 1, rows + 1, lanes - 1, lanes, lanes + 1, 2 * lanes + 3, 61} - {0})


def assert_sum(found: np.ndarray, old: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """Compare with old + a^T b."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    magnitude = np.abs(old) + np.abs(a).T @ np.abs(b)
    assert np.all(np.abs(found - (old + a.T @ b)) <= tolerances.float32_dot(len(a) + 1, magnitude))


def test_dense_of_sizes_around_a_tile_adds_the_product(isa: str, rng: np.random.Generator) -> None:
    for depth in sizes():
        for columns in sizes():
            x, dy, old = normal(rng, 7, depth), normal(rng, 7, columns), normal(rng, depth, columns)
            found = old.copy()
            DenseKernelGradient(1, depth, columns).run(x, dy, found)
            assert_sum(found, old, x, dy)


def test_dense_without_rows_leaves_what_is_there(isa: str) -> None:
    found = np.full((3, 2), 5, np.float32)
    kernel = DenseKernelGradient(1, 3, 2)
    kernel.run(np.empty((0, 3), np.float32), np.empty((0, 2), np.float32), found)
    assert np.all(found == 5)


def test_bias_of_sizes_around_a_vector_adds_the_rows(isa: str, rng: np.random.Generator) -> None:
    for columns in sizes():
        dy, old = normal(rng, 19, columns), normal(rng, 1, columns)
        found = old[0].copy()
        BiasGradient(1, columns).run(dy, found)
        assert_sum(found[np.newaxis], old, np.ones((19, 1), np.float32), dy)


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize(("channels", "filters"), [(2, 4), (4, 34), (6, 2), (2, 2)])
def test_convolution_adds_what_each_tap_contributes(
    isa: str, rng: np.random.Generator, geometry: Any, channels: int, filters: int
) -> None:
    (R, S), strides, padding, dilation, groups = geometry
    shape = (R, S, channels // groups, filters)
    kernel = ConvolutionKernelGradient(9, 8, channels, shape, strides, padding, dilation, groups)
    x = normal(rng, 3, 9, 8, channels)
    top, bottom, left, right = padding
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    P = (padded.shape[1] - (R - 1) * dilation[0] - 1) // strides[0] + 1
    Q = (padded.shape[2] - (S - 1) * dilation[1] - 1) // strides[1] + 1
    dy, old = normal(rng, 3, P, Q, filters), normal(rng, *shape)
    found = old.copy()
    kernel.run(x, dy, found)
    for r, s, g in np.ndindex(R, S, groups):
        rows = np.arange(P) * strides[0] + r * dilation[0]
        columns = np.arange(Q) * strides[1] + s * dilation[1]
        pixels = padded[:, rows][:, :, columns].reshape(-1, channels)
        own = slice(g * shape[2], (g + 1) * shape[2])
        mine = slice(g * filters // groups, (g + 1) * filters // groups)
        gradient = dy.reshape(-1, filters)[:, mine]
        assert_sum(found[r, s, :, mine], old[r, s, :, mine], pixels[:, own], gradient)


def test_convolution_image_by_image_gives_the_same_bits(isa: str, rng: np.random.Generator) -> None:
    kernel = ConvolutionKernelGradient(6, 7, 3, (3, 3, 3, 5), (1, 1), (1, 1, 1, 1), (1, 1), 1)
    x, dy = normal(rng, 4, 6, 7, 3), normal(rng, 4, 6, 7, 5)
    together, one_by_one = np.zeros((2, 3, 3, 3, 5), np.float32)
    kernel.run(x, dy, together)
    for image in range(4):
        kernel.run(x[image : image + 1], dy[image : image + 1], one_by_one)
    np.testing.assert_array_equal(together, one_by_one)
