"""Arithmetic with the same bits everywhere, against the standard library and plain algebra."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cnnfast import portable

UNIT_ROUNDOFF = 2.0**-53

# Two polynomials of degree 7, each step of which rounds twice, in both implementations.
QUANTILE_ROUNDINGS = 64
LOG_ROUNDINGS = 8

PROBABILITIES = np.concatenate(
    [
        np.linspace(0.001, 0.999, 997),
        10.0 ** -np.arange(1.0, 300.0),
        1.0 - 10.0 ** -np.arange(1.0, 16.0),
        [0.075, 0.925, math.exp(-25.0), 2.0**-53],
    ]
)


def test_log_over_the_range_of_doubles_matches_the_library() -> None:
    x = np.concatenate([PROBABILITIES, 1.0 / PROBABILITIES, [1.0, 2.0, math.sqrt(0.5)]])
    expected = [math.log(value) for value in x]
    assert_allclose(portable.log(x), expected, rtol=LOG_ROUNDINGS * UNIT_ROUNDOFF, atol=0)


def test_normal_quantile_from_centre_to_far_tail_matches_the_library() -> None:
    expected = [NormalDist().inv_cdf(probability) for probability in PROBABILITIES]
    quantile = portable.normal_quantile(PROBABILITIES)
    # Next to 1/2 the quantile vanishes, and the error is one of the distance from 1/2.
    rounding = QUANTILE_ROUNDINGS * UNIT_ROUNDOFF
    assert_allclose(quantile, expected, rtol=rounding, atol=rounding)


def test_normal_quantile_of_mirrored_probabilities_is_mirrored() -> None:
    probability = (np.arange(4096) + 0.5) / 4096
    quantile = portable.normal_quantile(probability)
    assert_array_equal(quantile, -quantile[::-1])


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 37])
def test_sum_rows_of_integers_is_exact(count: int) -> None:
    rows = np.arange(3.0 * count).reshape(count, 3)
    assert_array_equal(portable.sum_rows(rows.copy()), rows.sum(axis=0))


def test_sum_rows_adds_halves_onto_halves() -> None:
    tiny = UNIT_ROUNDOFF
    assert portable.sum_rows(np.array([1.0, tiny, 0.0, tiny])) == 1.0 + 2 * tiny


@pytest.mark.parametrize(("count", "length"), [(1, 1), (1, 5), (3, 3), (7, 20), (64, 64)])
def test_orthonormal_columns_have_length_one_and_right_angles(count: int, length: int) -> None:
    directions = np.random.RandomState(3).standard_normal((count, length))
    basis = portable.orthonormal_columns(directions)
    reflections = 8 * count * UNIT_ROUNDOFF
    assert_allclose(basis.T @ basis, np.eye(count), rtol=0, atol=reflections)


def test_orthonormal_columns_first_column_points_along_first_direction() -> None:
    directions = np.random.RandomState(4).standard_normal((4, 9))
    basis = portable.orthonormal_columns(directions)
    expected = directions[0] / np.linalg.norm(directions[0])
    assert_allclose(basis[:, 0], expected, rtol=0, atol=16 * UNIT_ROUNDOFF)


def test_orthonormal_columns_without_columns_is_empty() -> None:
    assert portable.orthonormal_columns(np.empty((0, 5))).shape == (5, 0)
