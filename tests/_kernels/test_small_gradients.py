"""Gradients of merges, rows, leaky lines and enlargements against float64."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances
from cnnfast._kernels.merge_gradient import Choice, GateGradient, Negative
from cnnfast._kernels.prelu_gradient import PreluInputGradient, PreluSlopesGradient
from cnnfast._kernels.resizing_gradient import EnlargeGradient
from cnnfast._kernels.row_gradient import RowGradient

IMAGES = (0, 1, 3)
SIZES = (1, 15, 16, 17, 1023, 1025, 2500)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(13)


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("images", IMAGES)
def test_negative_turns_the_sign(rng: np.random.Generator, images: int, threads: int) -> None:
    for size in SIZES:
        dy, found = normal(rng, images, size), np.empty((images, size), np.float32)
        Negative(size).run(dy, found, threads)
        np.testing.assert_array_equal(found, -dy)


@pytest.mark.parametrize("images", IMAGES)
def test_choice_gives_all_to_the_first_that_equals(
    rng: np.random.Generator, images: int, threads: int
) -> None:
    for size in SIZES:
        x = [rng.integers(0, 3, (images, size)).astype(np.float32) for _ in range(3)]
        y, dy = np.maximum.reduce(x), normal(rng, images, size)
        first = np.argmax(np.stack(x) == y, axis=0)
        for place in range(3):
            found = np.full((images, size), np.nan, np.float32)
            Choice(size, place).run(*x[: place + 1], y, dy, found, threads)
            np.testing.assert_array_equal(found, np.where(first == place, dy, 0))


def test_choice_among_too_many_inputs_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 64 inputs"):
        Choice(3, 64)


@pytest.mark.parametrize("channels", [1, 7, 16, 33])
@pytest.mark.parametrize("images", IMAGES)
def test_gate_gradient_sums_products_over_pixels(
    isa: str, rng: np.random.Generator, images: int, channels: int, threads: int
) -> None:
    x, dy = normal(rng, images, 11, channels), normal(rng, images, 11, channels)
    found = np.full((images, channels), np.nan, np.float32)
    flat = [array.reshape(images, 11 * channels) for array in (x, dy)]
    GateGradient(11, channels).run(*flat, found, threads)
    products = x.astype(np.float64) * dy
    error = tolerances.float32_dot(11, np.abs(products).sum(axis=1))
    assert np.all(np.abs(found - products.sum(axis=1)) <= error)


@pytest.mark.parametrize("name", ["log_softmax", "sparsemax", "glu"])
@pytest.mark.parametrize("columns", [2, 10, 34])
def test_row_gradient_is_that_of_the_formula(
    isa: str, rng: np.random.Generator, name: str, columns: int, threads: int
) -> None:
    x = normal(rng, 9, columns)
    y = reference.row_activate(x, name)
    dy = normal(rng, *y.shape)
    if name == "glu":
        a, b = x.astype(np.float64)[:, : columns // 2], x.astype(np.float64)[:, columns // 2 :]
        gate = 1 / (1 + np.exp(-b))
        expected = np.concatenate([dy * gate, dy * a * gate * (1 - gate)], axis=1)
    elif name == "sparsemax":
        support = y > 0
        mean = (dy * support).sum(axis=1, keepdims=True) / support.sum(axis=1, keepdims=True)
        expected = np.where(support, dy - mean, 0)
    else:
        expected = dy - np.exp(y) * dy.sum(axis=1, keepdims=True, dtype=np.float64)
    found = np.empty_like(x)
    given = x if name == "glu" else y.astype(np.float32)
    RowGradient(name, 1, columns).run(given, dy, found, threads)
    largest = np.abs(dy).max() * max(1.0, float(np.abs(x).max())) * columns
    assert np.all(np.abs(found - expected) <= tolerances.roundings(16, largest))


def test_row_gradient_of_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="'softmin'"):
        RowGradient("softmin", 1, 4)


PLACES = {
    "own": np.arange(35),
    "channels": np.arange(5),
    "one": np.zeros(7, int),
    "shared": np.arange(35) // 7,
}


@pytest.mark.parametrize("images", IMAGES)
@pytest.mark.parametrize("kind", PLACES)
def test_prelu_gradients_are_those_of_the_formula(
    rng: np.random.Generator, kind: str, images: int, threads: int
) -> None:
    places = PLACES[kind].astype(np.int32)
    slopes = normal(rng, places.max() + 1)
    x = rng.integers(-2, 3, (images, 1050)).astype(np.float32)
    dy = normal(rng, images, 1050)
    at = np.tile(places, 1050 // len(places))
    found = np.full_like(x, np.nan)
    PreluInputGradient(1050, slopes, places).run(x, dy, found, threads)
    np.testing.assert_array_equal(found, dy * ((x > 0) + slopes[at] * (x < 0)))
    total, products = np.ones_like(slopes), np.minimum(x, 0).astype(np.float64) * dy
    PreluSlopesGradient(1050, places).run(x, dy, total)
    for number in range(len(slopes)):
        mine = products[:, at == number]
        error = tolerances.float32_dot(mine.size + 1, 1 + np.abs(mine).sum())
        assert abs(total[number] - 1 - mine.sum()) <= error


@pytest.mark.parametrize("how", ["nearest", "bilinear"])
@pytest.mark.parametrize("factors", [(1, 1), (1, 3), (2, 2), (3, 2)])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 4, 17), (2, 5, 16), (4, 1, 3)])
def test_enlarge_gradient_is_the_transpose(
    isa: str,
    rng: np.random.Generator,
    how: str,
    factors: tuple[int, int],
    shape: tuple[int, int, int],
    threads: int,
) -> None:
    H, W, C = shape
    dy = normal(rng, 3, H * factors[0] * W * factors[1] * C)
    # Channels do not mix: <A x, dy> = <x, A^T dy> for each x that is 1 in one pixel.
    unit = np.eye(H * W).reshape(-1, H, W, 1)
    columns = reference.enlarge(how, unit, factors).reshape(H * W, -1)
    pixels = dy.reshape(3, -1, C).astype(np.float64)
    found = np.full((3, H * W * C), np.nan, np.float32)
    EnlargeGradient(how, H, W, C, factors).run(dy, found, threads)
    error = tolerances.float32_dot(8 * factors[0] * factors[1], columns @ np.abs(pixels))
    assert np.all(np.abs(found.reshape(3, H * W, C) - columns @ pixels) <= error)
