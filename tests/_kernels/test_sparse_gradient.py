"""Gradients from what is not zero of dy, against sums in float64 over all of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.sparse_gradient import SparseInputGradient, SparseKernelGradient

# (R, S), strides, padding (top, bottom, left, right), dilation
GEOMETRIES: list[Any] = [
    ((1, 7), (1, 1), (0, 0, 0, 0), (1, 1)),
    ((3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
    ((2, 5), (2, 3), (0, 1, 2, 2), (1, 1)),
    ((3, 2), (1, 1), (2, 2, 0, 2), (2, 2)),
    ((4, 5), (1, 1), (3, 4, 9, 8), (1, 1)),
]
# What part of dy is not zero.
DENSITIES = [0.0, 0.02, 0.2, 1.0]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(15)


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def sparse(rng: np.random.Generator, density: float, *shape: int) -> np.ndarray:
    return normal(rng, *shape) * (rng.random(shape) < density).astype(np.float32)


def sizes() -> list[int]:
    """Sizes around one vector and around slices of two and four."""
    lanes = dispatch.lanes()
    return sorted({1, lanes - 1, lanes, lanes + 1, 3 * lanes, 7 * lanes + 2})


class Geometry:
    """A convolution, and its gradients in the precision of the arguments."""

    def __init__(self, size: tuple[int, int], given: Any) -> None:
        self.size, (self.kernel, self.strides, self.padding, self.dilation) = size, given
        top, bottom, left, right = self.padding
        self.border = ((0, 0), (top, bottom), (left, right), (0, 0))
        self.outputs = tuple(
            (size[i] + sum(self.border[i + 1]) - (self.kernel[i] - 1) * self.dilation[i] - 1)
            // self.strides[i]
            + 1
            for i in range(2)
        )

    def seen(self, r: int, s: int) -> tuple[slice, ...]:
        """The pixels of a bordered image that a tap meets."""
        starts = (r * self.dilation[0], s * self.dilation[1])
        rows, columns = (
            slice(starts[i], starts[i] + self.strides[i] * self.outputs[i], self.strides[i])
            for i in range(2)
        )
        return slice(None), rows, columns

    def kernel_gradient(self, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
        padded = np.pad(x, self.border)
        taps = [
            np.einsum("npqc,npqk->ck", padded[self.seen(r, s)], dy)
            for r, s in np.ndindex(*self.kernel)
        ]
        return np.reshape(taps, (*self.kernel, x.shape[3], dy.shape[3]))

    def input_gradient(self, kernel: np.ndarray, dy: np.ndarray) -> np.ndarray:
        H, W = self.size
        top, bottom, left, right = self.padding
        dx = np.zeros((len(dy), H + top + bottom, W + left + right, kernel.shape[2]), dy.dtype)
        for r, s in np.ndindex(*self.kernel):
            dx[self.seen(r, s)] += np.einsum("npqk,ck->npqc", dy, kernel[r, s])
        return dx[:, top : top + H, left : left + W]


def check_kernel(
    rng: np.random.Generator, geometry: Geometry, channels: int, filters: int, density: float
) -> None:
    x = normal(rng, 3, *geometry.size, channels)
    dy = sparse(rng, density, 3, *geometry.outputs, filters)
    old = normal(rng, *geometry.kernel, channels, filters)
    found = old.copy()
    kernel_gradient(geometry, channels, filters).run(x, dy, found)
    exact = old + geometry.kernel_gradient(x.astype(np.float64), dy.astype(np.float64))
    magnitude = np.abs(old) + geometry.kernel_gradient(np.abs(x), np.abs(dy))
    length = dy.size // filters + 1
    assert np.all(np.abs(found - exact) <= tolerances.float32_dot(length, magnitude))


def kernel_gradient(geometry: Geometry, channels: int, filters: int) -> SparseKernelGradient:
    shape = (*geometry.kernel, channels, filters)
    return SparseKernelGradient(
        *geometry.size, channels, shape, geometry.strides, geometry.padding, geometry.dilation, 1.0
    )


def check_input(
    rng: np.random.Generator, geometry: Geometry, channels: int, filters: int, density: float
) -> None:
    dy = sparse(rng, density, 3, *geometry.outputs, filters)
    weights = normal(rng, *geometry.kernel, channels, filters)
    found = np.full((3, *geometry.size, channels), np.nan, np.float32)
    input_gradient(geometry, weights).run(dy, found, 1)
    exact = geometry.input_gradient(weights.astype(np.float64), dy.astype(np.float64))
    magnitude = geometry.input_gradient(np.abs(weights), np.abs(dy))
    length = filters * weights.shape[0] * weights.shape[1]
    assert np.all(np.abs(found - exact) <= tolerances.float32_dot(length, magnitude))


def input_gradient(geometry: Geometry, weights: np.ndarray) -> SparseInputGradient:
    shape = (*geometry.size, weights.shape[2])
    strides, dilation = geometry.strides, geometry.dilation
    return SparseInputGradient(shape, weights, strides[0], geometry.padding, dilation[0], 1.0)


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("density", DENSITIES)
def test_kernel_gradient_matches_sums_over_all_of_dy(
    isa: str, rng: np.random.Generator, geometry: Any, density: float
) -> None:
    for channels, filters in ((5, 6), (2 * dispatch.lanes(), 3)):
        check_kernel(rng, Geometry((9, 8), geometry), channels, filters, density)


def test_kernel_gradient_of_sizes_around_slices_matches_sums(
    isa: str, rng: np.random.Generator
) -> None:
    for channels in sizes():
        for filters in sizes():
            check_kernel(rng, Geometry((4, 5), GEOMETRIES[1]), channels, filters, 0.3)


@pytest.mark.parametrize("taps", range(1, 12))
def test_every_number_of_taps_matches_sums(isa: str, rng: np.random.Generator, taps: int) -> None:
    geometry = Geometry((1, 13), ((1, taps), (1, 1), (0, 0, 0, 0), (1, 1)))
    for vectors in (1, 2, 4):
        channels = vectors * dispatch.lanes()
        check_kernel(rng, geometry, channels, 5, 0.3)
        if taps <= 9:
            check_input(rng, geometry, channels, 5, 0.3)


@pytest.mark.parametrize("size", [(70, 40), (1, 2500), (300, 2)])
def test_images_larger_than_a_block_match_sums(
    isa: str, rng: np.random.Generator, size: tuple[int, int]
) -> None:
    check_kernel(rng, Geometry(size, GEOMETRIES[2]), 2 * dispatch.lanes(), 3, 0.1)


@pytest.mark.parametrize("padding", [(0, 0), (3, 3), (6, 0), (8, 9)])
@pytest.mark.parametrize("density", DENSITIES)
def test_input_gradient_matches_sums_over_all_of_dy(
    isa: str, rng: np.random.Generator, padding: tuple[int, int], density: float
) -> None:
    geometry = Geometry((2, 11), ((1, 7), (1, 1), (0, 0, *padding), (1, 1)))
    for vectors in (1, 2, 3, 8):
        for filters in (1, dispatch.lanes() + 1, 300):
            check_input(rng, geometry, vectors * dispatch.lanes(), filters, density)


@pytest.mark.parametrize("rows", [(3, 1, 1), (4, 2, 1), (2, 1, 3), (1, 3, 1)], ids=str)
@pytest.mark.parametrize("padding", [(0, 0), (2, 1)])
def test_input_gradient_of_rows_of_taps_matches_sums(
    isa: str, rng: np.random.Generator, rows: tuple[int, int, int], padding: tuple[int, int]
) -> None:
    taps, stride, dilation = rows
    given = ((taps, 3), (stride, 1), (*padding, 1, 0), (dilation, 1))
    for channels in (dispatch.lanes(), 6 * dispatch.lanes()):
        check_input(rng, Geometry((8, 9), given), channels, 7, 0.3)


def test_one_value_reaches_its_window_alone(isa: str, rng: np.random.Generator) -> None:
    geometry, lanes = Geometry((1, 9), GEOMETRIES[0]), dispatch.lanes()
    x, weights = normal(rng, 1, 1, 9, lanes), normal(rng, 1, 7, lanes, 3)
    dy = np.zeros((1, 1, 3, 3), np.float32)
    dy[0, 0, 2, 1] = 2
    found = np.zeros((1, 7, lanes, 3), np.float32)
    kernel_gradient(geometry, lanes, 3).run(x, dy, found)
    np.testing.assert_array_equal(found[0, :, :, 1], 2 * x[0, 0, 2:])
    assert not found[..., ::2].any()
    dx = np.empty_like(x)
    input_gradient(geometry, weights).run(dy, dx, 1)
    np.testing.assert_array_equal(dx[0, 0, 2:], 2 * weights[0, :, :, 1])
    assert not dx[0, 0, :2].any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_passed_on(
    isa: str, rng: np.random.Generator, value: float
) -> None:
    geometry, lanes = Geometry((1, 9), GEOMETRIES[0]), dispatch.lanes()
    x, weights = normal(rng, 1, 1, 9, lanes), normal(rng, 1, 7, lanes, 3)
    dy = np.zeros((1, 1, 3, 3), np.float32)
    dy[0, 0, 0, 2] = value
    found, dx = np.zeros((1, 7, lanes, 3), np.float32), np.empty_like(x)
    kernel_gradient(geometry, lanes, 3).run(x, dy, found)
    input_gradient(geometry, weights).run(dy, dx, 1)
    assert not np.isfinite(found[..., 2]).any()
    assert not found[..., :2].any()
    assert not np.isfinite(dx[0, 0, :7]).any()
    assert not dx[0, 0, 7:].any()


def test_zeros_hide_what_they_would_be_multiplied_with(isa: str) -> None:
    geometry, lanes = Geometry((1, 9), GEOMETRIES[0]), dispatch.lanes()
    dy = np.zeros((1, 1, 3, 3), np.float32)
    found, dx = np.zeros((1, 7, lanes, 3), np.float32), np.empty((1, 1, 9, lanes), np.float32)
    kernel_gradient(geometry, lanes, 3).run(np.full_like(dx, np.inf), dy, found)
    input_gradient(geometry, np.full_like(found, np.nan)).run(dy, dx, 1)
    assert not found.any()
    assert not dx.any()


def test_input_gradient_is_the_same_for_any_threads(
    isa: str, rng: np.random.Generator, threads: int
) -> None:
    geometry = Geometry((3, 20), ((1, 5), (1, 1), (0, 0, 4, 0), (1, 1)))
    dy, weights = sparse(rng, 0.2, 4, 3, 20, 9), normal(rng, 1, 5, 3 * dispatch.lanes(), 9)
    kernel = input_gradient(geometry, weights)
    one, many = (np.empty((4, 3, 20, 3 * dispatch.lanes()), np.float32) for _ in range(2))
    kernel.run(dy, one, 1)
    kernel.run(dy, many, threads)
    np.testing.assert_array_equal(one, many)


def test_no_images_leave_what_is_there(isa: str) -> None:
    geometry = Geometry((4, 5), GEOMETRIES[1])
    found = np.full((3, 3, 2, 4), 5, np.float32)
    x, dy = np.empty((0, 4, 5, 2), np.float32), np.empty((0, 4, 5, 4), np.float32)
    kernel_gradient(geometry, 2, 4).run(x, dy, found)
    assert np.all(found == 5)
