"""Penalties on what layers put out."""

from __future__ import annotations

import numpy as np

import tolerances
from cnnfast._kernels.penalty import Penalty, PenaltyGradient
from cnnfast.regularizers import L1L2


def test_penalty_and_its_gradient_are_those_of_the_regularizer() -> None:
    x = np.random.default_rng(2).standard_normal((3, 37)).astype(np.float32)
    x[1, 5] = 0.0
    shares = np.array([[0.5], [1.0], [0.0]], np.float32)
    for l1, l2 in ((0.0, 0.3), (0.2, 0.0), (0.2, 0.3)):
        regularizer = L1L2(l1, l2)
        found, dx = np.empty((3, 1), np.float32), np.empty_like(x)
        Penalty(37, l1, l2).run(x, found)
        PenaltyGradient(37, l1, l2).run(x, shares, dx)
        for image, value, slope, share in zip(x, found, dx, shares, strict=True):
            expected = regularizer(image)
            assert abs(value[0] - expected) <= tolerances.roundings(3, expected)
            exact = share * regularizer.gradient(image)
            assert np.all(np.abs(slope - exact) <= tolerances.roundings(5, np.abs(exact) + l1))
