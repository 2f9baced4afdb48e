"""Bounds on rounding error, each named by its source.

The unit roundoff of float32 is u = 2^-24: one correctly rounded operation is wrong by at most u
times its result. Every bound here is a number of such roundings times a magnitude, so that it
grows with the length of a reduction and shrinks with the data, and stays far below the change
that one dropped tap, one wrong neighbour or one missing bias makes. All functions return absolute
errors that broadcast against the outputs they bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Array = np.ndarray

UNIT_ROUNDOFF = 2.0**-24
SMALLEST_NORMAL = 2.0**-126

# Higham and Mary (2019), doi:10.1137/18M1226312: a sum of n terms errs by less than
# LAMBDA * sqrt(n) * u with probability 1 - 2 n exp(-LAMBDA^2 / 2), here 1 - 3e-8 n.
LAMBDA = 6.0

# The exponential costs one rounding of its polynomial and one of the scaled argument's tail;
# what is built from it adds a sum, a quotient and a product.
EXPONENTIAL_ROUNDINGS = 2.0
COMPOSITE_ROUNDINGS = 8.0


def roundings(count: float, magnitude: Array | float) -> Array:
    """Bound `count` successive roundings of values as large as `magnitude`."""
    return count * UNIT_ROUNDOFF * np.abs(np.asarray(magnitude, np.float64)) + SMALLEST_NORMAL


def float32_sum(length: int, magnitude: Array | float = 1.0) -> Array:
    """Bound the error of a float32 sum of `length` terms, in any order.

    The worst case is length roundings of the sum of absolute terms, `magnitude`; past 36 terms
    the probabilistic bound LAMBDA * sqrt(length) is the smaller one.
    """
    return roundings(min(float(length), LAMBDA * math.sqrt(length)), magnitude)


def float32_dot(length: int, magnitude: Array | float = 1.0) -> Array:
    """Bound the error of a float32 dot product of `length` products plus a bias.

    `magnitude` is the sum of the absolute products and the absolute bias
    (`reference.convolution_magnitude`, `reference.dense_magnitude`). Two roundings more than the
    sum: the products and the bias.
    """
    return float32_sum(length + 2, magnitude)


def dot_magnitude(inputs: Array, kernel: Array) -> float:
    """Bound the magnitude of every dot product of inputs with a (..., K) kernel."""
    return float(np.abs(inputs).max() * np.abs(kernel.reshape(-1, kernel.shape[-1])).sum(0).max())


def exp_ulp(outputs: Array) -> Array:
    """Bound the error of a float32 exponential relative to its own value."""
    return roundings(EXPONENTIAL_ROUNDINGS, outputs)


def activation(name: str, inputs: Array, outputs: Array, *parameters: float) -> Array:
    """Bound the error of one elementwise activation evaluated in float32.

    Args:
        name: the activation's name.
        inputs: the exact inputs.
        outputs: the exact outputs.
        parameters: the activation's numbers.

    Returns:
        Roundings of the largest term met on the way: an exponential minus one is accurate
        relative to one, a gated value relative to its input, a clipped line to its two terms.
        Where values only pass or are replaced, one rounding of the replacement, or none.
    """
    inputs = np.abs(np.asarray(inputs, np.float64))
    outputs = np.abs(np.asarray(outputs, np.float64))
    if name in EXACT:
        return np.zeros_like(outputs)
    if name == "threshold" or (name == "relu" and parameters[:1] == (0.0,)):
        return roundings(1, outputs)
    if name == "exponential":
        return exp_ulp(outputs)
    scale = SCALES.get(name, lambda x, y, *_: y)
    return roundings(COMPOSITE_ROUNDINGS, scale(inputs, outputs, *parameters))


def softmax(inputs: Array, outputs: Array) -> Array:
    """Bound softmax along the last axis: rounded exponents, their sum and one division."""
    relative = float32_sum(inputs.shape[-1]) + roundings(COMPOSITE_ROUNDINGS + 1, 1.0)
    return (relative + roundings(1, _below_maximum(inputs))) * outputs + SMALLEST_NORMAL


def log_softmax(inputs: Array) -> Array:
    """Bound log_softmax: a difference of values as large as the spread of the row."""
    relative = float32_sum(inputs.shape[-1]) + roundings(COMPOSITE_ROUNDINGS, 1.0)
    spread = _below_maximum(inputs).max(axis=-1, keepdims=True)
    return relative + roundings(4, spread + math.log(inputs.shape[-1]))


def sparsemax(inputs: Array) -> Array:
    """Bound sparsemax: the threshold is a sum of at most a row of values."""
    largest = np.abs(inputs).max(axis=-1, keepdims=True)
    return float32_sum(inputs.shape[-1], largest + 1) + roundings(3, largest + 1)


def row_activation(name: str, inputs: Array, outputs: Array) -> Array:
    """Bound softmax, log_softmax, sparsemax or glu along the last axis."""
    if name == "softmax":
        return softmax(inputs, outputs)
    if name == "glu":
        return roundings(COMPOSITE_ROUNDINGS, np.abs(inputs[..., : outputs.shape[-1]]))
    return {"log_softmax": log_softmax, "sparsemax": sparsemax}[name](inputs)


def _below_maximum(inputs: Array) -> Array:
    values = np.asarray(inputs, np.float64)
    return values.max(axis=-1, keepdims=True) - values


EXACT = frozenset({"linear", "hard_tanh", "hard_shrink"})

SCALES: dict[str, Callable[..., Array]] = {
    "relu": lambda x, y, slope, maximum, threshold: y + abs(slope) * abs(threshold),
    "elu": lambda x, y, alpha, *_: y + abs(alpha),
    "celu": lambda x, y, alpha, *_: y + abs(alpha),
    "selu": lambda x, y, *_: y + 2.0,
    "gelu": lambda x, y, *_: x,
    "gelu_tanh": lambda x, y, *_: x,
    "hard_sigmoid": lambda x, y, slope, offset, *_: slope * x + offset,
    "hard_silu": lambda x, y, slope, offset, *_: x * (slope * x + offset),
    "log_sigmoid": lambda x, y, *_: y + 1.0,
    "mish": lambda x, y, *_: x,
    "silu": lambda x, y, *_: x,
    "soft_shrink": lambda x, y, *_: x,
    "softplus": lambda x, y, *_: y + 1.0,
    "sparse_plus": lambda x, y, *_: y + x,
    "sparse_sigmoid": lambda x, y, *_: y + x,
    "squareplus": lambda x, y, b, *_: x + math.sqrt(b),
    "tanh": lambda x, y, *_: 0 * y + 1.0,
    "tanh_shrink": lambda x, y, *_: x + 1.0,
}
