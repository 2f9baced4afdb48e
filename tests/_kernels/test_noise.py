"""Random numbers by counting, and what layers do with them."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances
from cnnfast._kernels.noise import Noise

SIZES = (1, 63, 64, 65, 131)
KEY = 0x0123456789ABCDEF
COUNTERS = np.array([[0, 4, 9], [1, 4, 9], [2**32 - 1, 0, 7]], np.uint32)


def noise(name: str, x: np.ndarray, counters: np.ndarray = COUNTERS, **options) -> np.ndarray:
    given = {"parameters": (2.0, 0.25, -1.0), "threshold": 2**30, "key": KEY, "has_input": True}
    given |= {"ignores_image": False, "ignores_run": False} | options
    y = np.empty_like(x)
    Noise(name, x.shape[1], **given).run(x, counters, y)
    return y


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).standard_normal(shape).astype(np.float32)


def test_philox_gives_the_published_numbers() -> None:
    found = reference.philox(np.zeros((1, 4), np.uint64), 0)
    assert [hex(number) for number in found[0]] == [
        "0x6627e8d5", "0xe169c58d", "0xbc57ac4c", "0x9b00dbd8",
    ]  # fmt: skip
    ones = np.full((1, 4), 2**32 - 1, np.uint64)
    assert [hex(number) for number in reference.philox(ones, 2**64 - 1)[0]] == [
        "0x408f276d", "0x41c83b0e", "0xa20bc7c6", "0x6d5451fd",
    ]  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
def test_dropout_keeps_what_reaches_the_threshold(isa: str, size: int) -> None:
    x = normal(3, size)
    bits = np.stack([reference.random_bits(KEY, counters, size) for counters in COUNTERS])
    two, quarter = np.float32(2.0), np.float32(0.25)
    expected = np.where(bits >= 2**30, x * two + quarter, np.float32(-1.0))
    np.testing.assert_array_equal(noise("dropout", x), expected)


@pytest.mark.parametrize("size", SIZES)
def test_normal_numbers_are_quantiles_of_the_bits(isa: str, size: int) -> None:
    x = np.zeros((3, size), np.float32)
    z = np.stack([reference.random_normal(KEY, counters, size) for counters in COUNTERS])
    found = noise("gaussian_noise", x, parameters=(1.0, 0.0, 0.0))
    # Beside float32's roundings, the quantile's own error.
    error = tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS + 4, np.maximum(np.abs(z), 0.5))
    assert np.all(np.abs(found - z) <= error)
    x = normal(3, size)
    scaled = noise("gaussian_dropout", x, parameters=(0.5, 0.0, 0.0))
    assert np.all(np.abs(scaled - x * (1 + 0.5 * z)) <= np.abs(x) * (error + 2.0**-22))


def test_noise_of_a_million_has_its_mean_and_deviation() -> None:
    zeros = np.zeros((1, 10**6), np.float32)
    z = noise("gaussian_noise", zeros, COUNTERS[:1], parameters=(1.0, 0.0, 0.0)).astype(float)
    # Five standard deviations of each estimate.
    assert abs(z.mean()) < 5e-3
    assert abs(z.var() - 1) < 5 * np.sqrt(2) * 1e-3
    assert abs((z**4).mean() - 3) < 5 * np.sqrt(96) * 1e-3
    kept = noise("dropout", zeros + 1, COUNTERS[:1], parameters=(1.0, 0.0, 0.0)) == 1
    assert abs(kept.mean() - 0.75) < 5e-3 * np.sqrt(3 / 16)


def test_noise_follows_from_image_step_run_and_key() -> None:
    x = np.ones((1, 256), np.float32)
    first = noise("dropout", x, COUNTERS[:1])
    np.testing.assert_array_equal(noise("dropout", x, COUNTERS[:1]), first)
    for place in range(3):
        counters = COUNTERS[:1].copy()
        counters[0, place] += 1
        assert np.any(noise("dropout", x, counters) != first)
    for key in (KEY + 1, KEY + 2**32):
        assert np.any(noise("dropout", x, COUNTERS[:1], key=key) != first)


def test_noise_that_ignores_image_or_run_is_the_same_for_all() -> None:
    x = np.ones((2, 256), np.float32)
    same = noise("dropout", x, COUNTERS[:2], ignores_image=True)
    np.testing.assert_array_equal(same[0], same[1])
    runs = np.array([[0, 4, 9], [0, 4, 10]], np.uint32)
    same = noise("dropout", x, runs, ignores_run=True)
    np.testing.assert_array_equal(same[0], same[1])


def test_noise_without_an_input_is_that_of_ones() -> None:
    x = np.ones((3, 70), np.float32)
    np.testing.assert_array_equal(noise("dropout", x * 9, has_input=False), noise("dropout", x))
