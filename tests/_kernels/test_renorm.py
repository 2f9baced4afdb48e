"""Corrections of batch renormalization against the formulas, in float64."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from cnnfast._kernels.renorm import RenormCorrection, RenormGammaGradient

EPSILON = 1e-3
FREE = (-np.inf, np.inf, np.inf)
CHANNELS = (1, 2, 7, 64)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(29)


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("bounds", [FREE, (0.9, 1.1, 0.2)], ids=["free", "bounded"])
@pytest.mark.parametrize("channels", CHANNELS)
def test_corrections_lead_towards_the_moving_statistics(
    rng: np.random.Generator, channels: int, bounds: tuple[float, float, float]
) -> None:
    mean, middle, gamma, beta = normal(rng, 4, channels)
    variance, deviation = np.abs(normal(rng, 2, channels))
    deviation[0] = 0.0
    for scale, shift in ((gamma, beta), (None, beta), (gamma, None), (None, None)):
        found, effective = np.empty(2 * channels, np.float32), np.empty((2, channels), np.float32)
        kernel = RenormCorrection(scale, shift, middle, deviation, EPSILON, bounds, *effective)
        kernel.run(mean, variance, found)
        least = np.maximum(deviation.astype(np.float64), np.sqrt(EPSILON))
        r = np.clip(np.sqrt(variance.astype(np.float64) + EPSILON) / least, *bounds[:2])
        distance = mean.astype(np.float64) - middle
        d = np.clip(distance / least, -bounds[2], bounds[2])
        size = np.abs(np.concatenate([r, d])) + np.tile((abs(mean) + abs(middle)) / least, 2)
        error = tolerances.roundings(4, size)
        assert np.all(np.abs(found - np.concatenate([r, d])) <= error)
        one = 1.0 if scale is None else scale
        other = 0.0 if shift is None else shift
        assert np.all(np.abs(effective[0] - r * one) <= 2 * error[:channels] * (np.abs(one) + 1))
        bound = 2 * error[channels:] * (np.abs(one) + np.abs(other) + 1)
        assert np.all(np.abs(effective[1] - (d * one + other)) <= bound)


@pytest.mark.parametrize("channels", CHANNELS)
def test_gradient_of_gamma_is_what_gamma_multiplies(
    rng: np.random.Generator, channels: int
) -> None:
    variance, corrections = np.abs(normal(rng, channels)), normal(rng, 2 * channels)
    totals, before = rng.standard_normal(2 * channels + 1), normal(rng, channels)
    found = before.copy()
    RenormGammaGradient(channels, EPSILON).run(totals, variance, corrections, found)
    inverse = 1 / np.sqrt(variance.astype(np.float64) + EPSILON)
    terms = corrections[:channels] * totals[channels:-1] * inverse
    others = corrections[channels:] * totals[:channels]
    error = tolerances.roundings(3, np.abs(before) + np.abs(terms) + np.abs(others))
    assert np.all(np.abs(found - (before + terms + others)) <= error)


def test_a_missing_number_shows(rng: np.random.Generator) -> None:
    ones, found = np.ones(1, np.float32), np.empty(2, np.float32)
    effective = np.empty((2, 1), np.float32)
    kernel = RenormCorrection(None, None, ones, ones, EPSILON, (0.5, 2.0, 1.0), *effective)
    kernel.run(np.full(1, np.nan, np.float32), np.full(1, np.nan, np.float32), found)
    assert np.isnan(found).all()
    assert np.isnan(effective).all()
