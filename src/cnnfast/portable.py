"""Arithmetic that gives the same bits on every machine.

A logarithm differs in its last bit between C libraries, and a sum between vector widths. What is
here is made only of operations that IEEE 754 defines to the bit (+ - * / and the square root, one
NumPy call each, so that no compiler can fuse two of them into one rounding) in an order that this
file sets. The random numbers and the initial weights of a model stand on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SQRT_HALF = math.sqrt(0.5)

# The logarithm of 2 in two parts; the first has so few bits that a product with an exponent
# is exact.
LOG_2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")
LOG_2_LOW = float.fromhex("0x1.ef35793c76730p-45")

# log((1 + s) / (1 - s)) = 2 s (1 + s^2 / 3 + s^4 / 5 + ...); where |s| < 0.172, as below, the
# twelfth term is under 2^-57.
LOG_SERIES = tuple(2.0 / (2 * k + 1) for k in range(11))

# Wichura's rational approximations, numerator and denominator, constant term first.
CENTRAL = (
    (
        3.3871328727963666080,
        133.14166789178437745,
        1971.5909503065514427,
        13731.693765509461125,
        45921.953931549871457,
        67265.770927008700853,
        33430.575583588128105,
        2509.0809287301226727,
    ),
    (
        1.0,
        42.313330701600911252,
        687.18700749205790830,
        5394.1960214247511077,
        21213.794301586595867,
        39307.895800092710610,
        28729.085735721942674,
        5226.4952788528545610,
    ),
)
TAIL = (
    (
        1.42343711074968357734,
        4.63033784615654529590,
        5.76949722146069140550,
        3.64784832476320460504,
        1.27045825245236838258,
        0.241780725177450611770,
        0.0227238449892691845833,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187,
        1.67638483018380384940,
        0.689767334985100004550,
        0.148103976427480074590,
        0.0151986665636164571966,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)
FAR_TAIL = (
    (
        6.65790464350110377720,
        5.46378491116411436990,
        1.78482653991729133580,
        0.296560571828504891230,
        0.0265321895265761230930,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7,
    ),
    (
        1.0,
        0.599832206555887937690,
        0.136929880922735805310,
        0.0148753612908506148525,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    ),
)
CENTRAL_HALF_WIDTH = 0.425
CENTRAL_HALF_WIDTH_SQUARED = 0.180625
FAR_TAIL_START = 5.0
TAIL_CENTRE = 1.6


def log(x: Array) -> Array:
    """Take the natural logarithm.

    log x = e log 2 + 2 artanh((m - 1) / (m + 1)), where x = m 2^e and m lies around 1.

    Args:
        x: float64, positive and finite.

    Returns:
        float64, the shape of x, within 3 units in the last place.
    """
    mantissa, exponent = np.frexp(x)
    below = mantissa < SQRT_HALF
    mantissa = np.where(below, mantissa + mantissa, mantissa)
    exponent = np.subtract(exponent, below, dtype=np.float64)
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    series = ratio * _polynomial(ratio * ratio, LOG_SERIES)
    return exponent * LOG_2_HIGH + (exponent * LOG_2_LOW + series)


def normal_quantile(probability: Array) -> Array:
    """Invert the distribution function of the standard normal law.

    Args:
        probability: float64, strictly between 0 and 1.

    Returns:
        float64, the shape of probability: where the law has that much mass below, to about
        1 part in 10^15.

    Source: Wichura (1988), Algorithm AS 241, Applied Statistics 37(3), doi:10.2307/2347330.
    """
    centred = probability - 0.5
    outer = np.abs(centred) > CENTRAL_HALF_WIDTH
    quantile = centred * _ratio(CENTRAL_HALF_WIDTH_SQUARED - centred * centred, CENTRAL)
    quantile[outer] = _outer_quantile(probability[outer])
    return quantile


def sum_rows(rows: Array) -> Array:
    """Add up the rows of an array in a fixed order, its lower half onto its upper half.

    Overwrites the array. The error grows with the logarithm of the number of rows.

    Args:
        rows: float64, shape (M, ...), M >= 1.

    Returns:
        float64, shape (...): a view of the first row, which now holds the sum.
    """
    count = len(rows)
    while count > 1:
        kept = (count + 1) // 2
        rows[: count - kept] += rows[kept:count]
        count = kept
    total: Array = rows[0]
    return total


def orthonormal_columns(directions: Array) -> Array:
    """Turn independent normal numbers into an evenly distributed orthonormal basis.

    Column j of the result is what Gram and Schmidt make of the j-th of N normal vectors, drawn as
    a product of Householder reflections: reflection j needs only M - j normal numbers, because a
    reflected normal vector is a normal vector again.

    Args:
        directions: float64, shape (N, M) with N <= M, standard normal numbers. Entries before
            column j of row j are not used.

    Returns:
        float64, shape (M, N), whose columns are orthonormal.

    Source: Stewart (1980), SIAM Journal on Numerical Analysis 17(3), doi:10.1137/0717034.
    """
    count, length = directions.shape
    basis = np.eye(length, count)
    for index in reversed(range(count)):
        _reflect(basis[index:, index:], directions[index, index:].copy())
    return basis


def _reflect(block: Array, direction: Array) -> None:
    """Apply the reflection that sends `direction` to the first axis, and keep R's sign positive."""
    first = direction[0]
    direction[0] += np.copysign(np.sqrt(sum_rows(direction * direction)), first)
    scale = 2.0 / sum_rows(direction * direction)
    column = direction[:, np.newaxis]
    block -= column * (scale * sum_rows(column * block))
    block[:, 0] *= -np.copysign(1.0, first)


def _outer_quantile(probability: Array) -> Array:
    depth = np.sqrt(-log(np.minimum(probability, 1.0 - probability)))
    distance = _ratio(depth - TAIL_CENTRE, TAIL)
    far = depth > FAR_TAIL_START
    distance[far] = _ratio(depth[far] - FAR_TAIL_START, FAR_TAIL)
    return np.copysign(distance, probability - 0.5)


def _ratio(x: Array, coefficients: tuple[Sequence[float], Sequence[float]]) -> Array:
    numerator, denominator = coefficients
    return _polynomial(x, numerator) / _polynomial(x, denominator)


def _polynomial(x: Array, coefficients: Sequence[float]) -> Array:
    """Evaluate a polynomial, constant term first, by Horner's rule."""
    value = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value *= x
        value += coefficient
    return value
