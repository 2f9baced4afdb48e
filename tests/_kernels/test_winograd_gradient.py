"""Gradients of filters by Winograd's algorithm against sums in float64."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.weight_gradient import ConvolutionKernelGradient
from cnnfast._kernels.winograd_gradient import WinogradKernelGradient

# Of a product on its way: four in either direction of three transforms.
TRANSFORM_ROUNDINGS = 24
# What transforms multiply magnitudes by in one dimension, largest row sums of G^T, A and B^T.
GROWTH = 2.4 * 7.1 * 5.1


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(6)


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def sizes() -> list[int]:
    lanes, rows = dispatch.lanes(), dispatch.gemm_rows()
    return sorted({1, rows - 1, rows + 1, lanes - 1, lanes, lanes + 1, 2 * lanes + 3} - {0})


def expected(x: np.ndarray, dy: np.ndarray, padding: tuple[int, int, int, int]) -> np.ndarray:
    """Sum up products of pixels, in the precision of the arguments."""
    top, bottom, left, right = padding
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    P, Q = dy.shape[1:3]
    taps = [
        np.einsum("npqc,npqk->ck", padded[:, r : r + P, s : s + Q], dy) for r, s in np.ndindex(3, 3)
    ]
    return np.reshape(taps, (3, 3, x.shape[3], dy.shape[3]))


def check(rng: np.random.Generator, shape: tuple[int, ...], padding: tuple[int, ...]) -> None:
    images, H, W, channels, filters = shape
    top, bottom, left, right = padding
    x = normal(rng, images, H, W, channels)
    dy = normal(rng, images, H + top + bottom - 2, W + left + right - 2, filters)
    old = normal(rng, 3, 3, channels, filters)
    found = old.copy()
    WinogradKernelGradient(H, W, channels, filters, (top, bottom, left, right)).run(x, dy, found)
    exact = old + expected(x.astype(np.float64), dy.astype(np.float64), (top, bottom, left, right))
    # A tile spreads its rounding errors over all taps: the scale is that of the largest.
    magnitude = np.abs(old).max() + GROWTH * np.sqrt(dy.size / filters) * np.abs(x).max()
    length = images * dy.shape[1] * dy.shape[2] // 16 + TRANSFORM_ROUNDINGS
    assert np.all(np.abs(found - exact) <= tolerances.float32_sum(length, magnitude))


def test_sizes_around_a_tile_match_sums(isa: str, rng: np.random.Generator) -> None:
    for channels in sizes():
        for filters in sizes():
            check(rng, (2, 6, 7, channels, filters), (1, 1, 1, 1))


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (4, 4), (5, 9), (13, 6)])
@pytest.mark.parametrize("padding", [(1, 1, 1, 1), (2, 2, 2, 2), (0, 1, 2, 1)])
def test_borders_match_sums(
    isa: str,
    rng: np.random.Generator,
    size: tuple[int, int],
    padding: tuple[int, int, int, int],
) -> None:
    H, W = size
    if min(H + sum(padding[:2]), W + sum(padding[2:])) > 2:
        check(rng, (3, H, W, 5, 6), padding)


def test_more_tiles_than_a_block_match_sums(isa: str, rng: np.random.Generator) -> None:
    check(rng, (5, 22, 22, 96, 64), (1, 1, 1, 1))


def test_errors_are_of_the_order_of_the_direct_kernel(isa: str, rng: np.random.Generator) -> None:
    x, dy = normal(rng, 4, 14, 14, 32), normal(rng, 4, 14, 14, 32)
    exact = expected(x.astype(np.float64), dy.astype(np.float64), (1, 1, 1, 1))
    errors = []
    for kernel in (
        WinogradKernelGradient(14, 14, 32, 32, (1, 1, 1, 1)),
        ConvolutionKernelGradient(14, 14, 32, (3, 3, 32, 32), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    ):
        found = np.zeros((3, 3, 32, 32), np.float32)
        kernel.run(x, dy, found)
        errors.append(float(np.sqrt(np.mean((found - exact) ** 2))))
    assert errors[0] <= 3 * errors[1]


def test_no_images_leave_what_is_there(isa: str) -> None:
    found = np.full((3, 3, 2, 3), 5, np.float32)
    kernel = WinogradKernelGradient(4, 4, 2, 3, (1, 1, 1, 1))
    kernel.run(np.empty((0, 4, 4, 2), np.float32), np.empty((0, 4, 4, 3), np.float32), found)
    assert np.all(found == 5)
