"""The transforms of Winograd's F(4, 4), made of its points as fractions."""

from __future__ import annotations

from fractions import Fraction
from math import prod

import numpy as np

Matrix = tuple[tuple[Fraction, ...], ...]

FINITE = tuple(Fraction(sign * n, 16) for n in (5, 14, 28) for sign in (1, -1))


def doubles(matrix: Matrix) -> np.ndarray:
    """Turn fractions into float64."""
    return np.array(matrix, np.float64)


def polynomial(roots: list[Fraction]) -> list[Fraction]:
    """Give the coefficients of the polynomial with these roots, the constant first."""
    coefficients = [Fraction(1)]
    for root in roots:
        above, below = [Fraction(0), *coefficients], [*coefficients, Fraction(0)]
        coefficients = [a - root * b for a, b in zip(above, below, strict=True)]
    return coefficients


def others(point: Fraction) -> list[Fraction]:
    """List the finite points without one of them."""
    return [other for other in FINITE if other != point]


# Seven points of seven inputs, of four taps, and four outputs of seven points; infinity is last.
INPUT_TRANSFORM: Matrix = (
    *((*polynomial(others(point)), Fraction(0)) for point in FINITE),
    tuple(polynomial(list(FINITE))),
)
FILTER_TRANSFORM: Matrix = (
    *(
        tuple(point**tap / prod(point - other for other in others(point)) for tap in range(4))
        for point in FINITE
    ),
    tuple(Fraction(int(tap == 3)) for tap in range(4)),
)
OUTPUT_TRANSFORM: Matrix = tuple(
    (*(point**output for point in FINITE), Fraction(int(output == 3))) for output in range(4)
)
