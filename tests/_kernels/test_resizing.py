"""Cropping and enlarging against their float64 twins."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances
from cnnfast._kernels.executor import Program
from cnnfast._kernels.resizing import Crop, Enlarge

SHAPES = [(1, 1, 1, 1), (2, 5, 7, 3), (1, 4, 3, 17), (3, 13, 2, 1), (2, 1, 9, 16)]
CROPPINGS = [((0, 0), (0, 0)), ((1, 0), (0, 2)), ((2, 1), (1, 1)), ((0, 3), (4, 0))]
FACTORS = [(1, 1), (2, 2), (3, 1), (1, 4), (2, 5)]


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


def run(kernel, inputs: np.ndarray, shape: tuple[int, ...], threads: int = 1) -> np.ndarray:
    """Resize images, into memory that holds NaN where nothing is written."""
    flat = inputs.reshape(len(inputs), -1)
    outputs = np.full((len(inputs), int(np.prod(shape[1:]))), np.nan, np.float32)
    kernel.run(flat, outputs, threads)
    return outputs.reshape(shape)


@pytest.mark.parametrize("cropping", CROPPINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_crop_keeps_what_is_inside(threads, shape, cropping):
    if any(sum(sides) >= n for sides, n in zip(cropping, shape[1:3], strict=True)):
        pytest.skip("nothing is left")
    inputs = normal(*shape)
    expected = reference.crop(inputs, cropping)
    kernel = Crop(*shape[1:], (*cropping[0], *cropping[1]))
    np.testing.assert_array_equal(run(kernel, inputs, expected.shape, threads), expected)


@pytest.mark.parametrize("factors", FACTORS)
@pytest.mark.parametrize("shape", SHAPES)
def test_nearest_repeats_pixels(threads, shape, factors):
    inputs = normal(*shape)
    expected = reference.enlarge("nearest", inputs, factors)
    kernel = Enlarge("nearest", *shape[1:], factors)
    np.testing.assert_array_equal(run(kernel, inputs, expected.shape, threads), expected)


@pytest.mark.parametrize("factors", FACTORS)
@pytest.mark.parametrize("shape", SHAPES)
def test_bilinear_matches_the_twin_on_any_number_of_threads(threads, shape, factors):
    inputs = normal(*shape)
    expected = reference.enlarge("bilinear", inputs, factors)
    kernel = Enlarge("bilinear", *shape[1:], factors)
    outputs = run(kernel, inputs, expected.shape)
    # A difference, a weight, a product and a sum along each of two axes.
    bound = tolerances.roundings(2 * 4, 2 * np.abs(inputs).max())
    assert (np.abs(outputs - expected) <= bound).all()
    np.testing.assert_array_equal(run(kernel, inputs, expected.shape, threads), outputs)


@pytest.mark.parametrize("images", [1, 5])
@pytest.mark.parametrize(
    "kernel",
    [
        Crop(60, 50, 3, (1, 2, 3, 4)),
        Enlarge("nearest", 60, 50, 3, (2, 3)),
        Enlarge("bilinear", 60, 50, 3, (2, 3)),
    ],
    ids=["crop", "nearest", "bilinear"],
)
def test_resizing_in_a_plan_gives_the_same_as_alone(threads, images, kernel):
    inputs = normal(images, 9000)
    size = 57 * 43 * 3 if isinstance(kernel, Crop) else 6 * 9000
    alone = run(kernel, inputs, (images, size))
    step = (kernel, (("input", 0, 9000),), ("output", 0, size))
    outputs = np.full_like(alone, np.nan)
    Program([step], (9000,), (size,), 0).run([inputs], [outputs], images, threads)
    np.testing.assert_array_equal(outputs, alone)


def test_resizing_of_no_images_writes_nothing(threads):
    for kernel in (Crop(3, 3, 1, (1, 0, 0, 0)), Enlarge("bilinear", 3, 3, 1, (2, 2))):
        kernel.run(np.empty((0, 9), np.float32), np.empty((0, 36), np.float32), threads)


@pytest.mark.parametrize("cropping", [(2, 1, 0, 0), (0, 0, 3, 0), (-1, 0, 0, 0)])
def test_crop_of_everything_is_an_error(cropping):
    with pytest.raises(ValueError, match="at least one"):
        Crop(3, 3, 1, cropping)


@pytest.mark.parametrize(("how", "factors"), [("cubic", (2, 2)), ("nearest", (0, 1))])
def test_enlarge_by_an_unknown_way_or_nothing_is_an_error(how, factors):
    with pytest.raises(ValueError, match="enlarging"):
        Enlarge(how, 3, 3, 1, factors)
