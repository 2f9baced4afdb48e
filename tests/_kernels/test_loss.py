"""Losses of rows against their formulas, gradients against central differences in float64."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from cnnfast._kernels.loss import KINDS, LossGradient, LossValue

STEP = 1e-5
DIFFERENCE_ERROR = 1e-8


def formula(kind: str, z: np.ndarray, t: np.ndarray, smoothing: float) -> np.ndarray:
    """Return the loss of each row in float64."""
    columns = z.shape[1]
    if kind == "squared":
        return ((z - t) ** 2).mean(axis=1)
    if kind == "absolute":
        return np.abs(z - t).mean(axis=1)
    if kind == "binary":
        t = t * (1 - smoothing) + smoothing / 2
        return (np.logaddexp(0, z) - t * z).mean(axis=1)
    logarithms = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    if kind == "sparse":
        return -logarithms[np.arange(len(z)), t]
    return -((t * (1 - smoothing) + smoothing / columns) * logarithms).sum(axis=1)


def targets(kind: str, rng: np.random.Generator, columns: int) -> np.ndarray:
    if kind == "sparse":
        return rng.integers(0, columns, 6).astype(np.int32)
    if kind == "categorical":
        return np.eye(columns, dtype=np.float32)[rng.integers(0, columns, 6)]
    return rng.random((6, columns)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("columns", [1, 3, 17])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_and_its_gradient_follow_the_formula(
    isa: str, kind: str, columns: int, smoothing: float
) -> None:
    rng = np.random.default_rng(6)
    z = (4 * rng.standard_normal((6, columns))).astype(np.float32)
    t, scales = targets(kind, rng, columns), rng.random(6).astype(np.float32)
    values, gradient = np.empty(6, np.float32), np.empty_like(z)
    assert LossValue(kind, 1, columns, smoothing).run(z, t, values)
    assert LossGradient(kind, 1, columns, smoothing).run(z, t, scales, gradient)
    largest = np.abs(z).max() ** 2 + 20
    exact = z.astype(np.float64)
    expected = formula(kind, exact, t, smoothing)
    assert np.all(np.abs(values - expected) <= tolerances.float32_sum(columns + 8, largest))
    for k in range(columns):
        step = np.zeros(columns)
        step[k] = STEP
        above, below = (formula(kind, exact + s, t, smoothing) for s in (step, -step))
        slope = scales * (above - below) / (2 * STEP)
        error = tolerances.roundings(40, 1 + np.abs(z).max()) + DIFFERENCE_ERROR
        assert np.all(np.abs(gradient[:, k] - slope) <= error)


@pytest.mark.parametrize("label", [-1, 3])
def test_loss_of_a_label_that_is_no_class_is_reported(isa: str, label: int) -> None:
    z, labels = np.zeros((2, 3), np.float32), np.array([1, label], np.int32)
    assert not LossValue("sparse", 1, 3, 0.0).run(z, labels, np.empty(2, np.float32))
    scales = np.ones(2, np.float32)
    assert not LossGradient("sparse", 1, 3, 0.0).run(z, labels, scales, np.empty_like(z))
