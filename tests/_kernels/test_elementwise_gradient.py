"""Slopes of activations against central differences in float64."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.elementwise_gradient import ActivationGradient, SoftmaxGradient
from cnnfast.ops.gradients import follows_output

PARAMETERS = {
    "relu": [(0.0, np.inf, 0.0), (0.0, 6.0, 0.0), (0.2, np.inf, 0.0), (0.1, 2.0, 0.5)],
    "celu": [(1.3, 0.0, 0.0)],
    "elu": [(0.7, 0.0, 0.0)],
    "hard_sigmoid": [(0.2, 0.5, 0.0)],
    "hard_silu": [(1 / 6, 0.5, 0.0)],
    "hard_shrink": [(0.5, 0.0, 0.0)],
    "soft_shrink": [(0.5, 0.0, 0.0)],
    "squareplus": [(4.0, 0.0, 0.0)],
    "threshold": [(0.25, -1.0, 0.0)],
}
STEP = 1e-5
# Second-order differences err by STEP^2 times the third derivative, and by roundings of float64
# over STEP.
DIFFERENCE_ERROR = 1e-9


def cases() -> list[tuple[str, tuple[float, ...]]]:
    return [
        (name, parameters)
        for name in dispatch.activations()
        for parameters in PARAMETERS.get(name, [(0.0, 0.0, 0.0)])
    ]


@pytest.mark.parametrize(("name", "parameters"), cases(), ids=str)
def test_activation_gradient_is_the_slope_of_the_formula(
    isa: str, name: str, parameters: tuple[float, ...], threads: int
) -> None:
    activation = (name, *parameters)
    rng = np.random.default_rng(2)
    # No corner of a piecewise line is nearer than the step.
    x = (np.round(rng.uniform(-5, 5, (3, 1029)) * 64 + 0.5) / 64 + 1 / 256).astype(np.float32)
    dy = rng.standard_normal(x.shape).astype(np.float32)
    exact = x.astype(np.float64)
    y = reference.activate(exact, activation)
    above, below = (reference.activate(exact + step, activation) for step in (STEP, -STEP))
    slope = (above - below) / (2 * STEP)
    given = y.astype(np.float32) if follows_output(activation) else x
    found = np.empty_like(x)
    ActivationGradient(x.shape[1], activation).run(given, dy, found, threads)
    # Slopes are sums and products of a few terms as large as 1, |x| or y.
    terms = 1 + np.abs(exact) + np.abs(y)
    error = tolerances.roundings(8 * tolerances.COMPOSITE_ROUNDINGS, terms) + DIFFERENCE_ERROR
    assert np.all(np.abs(found - dy * slope) <= np.abs(dy) * error + tolerances.SMALLEST_NORMAL)


def test_activation_gradient_of_huge_inputs_is_finite(isa: str) -> None:
    x = np.array([[-3e38, -1e20, -200, 200, 1e20, 3e38]], np.float32)
    for name, parameters in cases():
        activation = (name, *parameters)
        if not follows_output(activation):
            found = np.empty_like(x)
            ActivationGradient(6, activation).run(x, np.ones_like(x), found, 1)
            assert np.all(np.abs(found) < 2), name


@pytest.mark.parametrize("columns", [1, 2, 10, 33])
def test_softmax_gradient_is_that_of_the_formula(isa: str, columns: int, threads: int) -> None:
    rng = np.random.default_rng(4)
    z = rng.standard_normal((9, columns))
    y = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    dy = rng.standard_normal((9, columns)).astype(np.float32)
    expected = y * (dy - (y * dy).sum(axis=1, keepdims=True))
    found = np.empty_like(dy)
    SoftmaxGradient(1, columns).run(y.astype(np.float32), dy, found, threads)
    assert np.all(np.abs(found - expected) <= tolerances.roundings(8, np.abs(dy).max() * 2))
