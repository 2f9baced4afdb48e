"""Losses of numbers: how far predictions are from targets."""

from __future__ import annotations

import math

import numpy as np

from cnnfast.config import epsilon
from cnnfast.losses.function import Array, Pair, along, dense


@dense
def mean_squared_error(y_true: Array, y_pred: Array) -> Pair:
    """Mean (y_pred - y_true)^2, over the last axis."""
    error = y_pred - y_true
    return np.square(error).mean(-1), along(-1, lambda: error * (2.0 / error.shape[-1]))


@dense
def mean_absolute_error(y_true: Array, y_pred: Array) -> Pair:
    """Mean |y_pred - y_true|, over the last axis."""
    error = y_pred - y_true
    return np.abs(error).mean(-1), along(-1, lambda: np.sign(error) / error.shape[-1])


@dense
def mean_absolute_percentage_error(y_true: Array, y_pred: Array) -> Pair:
    """100 * mean |y_pred - y_true| / max(|y_true|, epsilon), over the last axis."""
    error = (y_pred - y_true) / np.maximum(np.abs(y_true), epsilon())
    slope = along(
        -1,
        lambda: np.sign(error) / np.maximum(np.abs(y_true), epsilon()) * (100.0 / error.shape[-1]),
    )
    return 100.0 * np.abs(error).mean(-1), slope


@dense
def mean_squared_logarithmic_error(y_true: Array, y_pred: Array) -> Pair:
    """Mean (log(1 + max(y_pred, epsilon)) - log(1 + max(y_true, epsilon)))^2."""
    above = np.maximum(y_pred, epsilon()) + 1.0
    error = np.log(above) - np.log(np.maximum(y_true, epsilon()) + 1.0)
    slope = along(-1, lambda: (y_pred >= epsilon()) * error / above * (2.0 / error.shape[-1]))
    return np.square(error).mean(-1), slope


@dense
def huber(y_true: Array, y_pred: Array, delta: float = 1.0) -> Pair:
    """Mean of error^2 / 2 up to an error of `delta`, a straight line beyond."""
    error = y_pred - y_true
    size = np.abs(error)
    values = np.where(size <= delta, 0.5 * np.square(error), delta * size - 0.5 * delta**2)
    slope = along(-1, lambda: np.clip(error, -delta, delta) / error.shape[-1])
    return values.astype(error.dtype).mean(-1), slope


@dense
def log_cosh(y_true: Array, y_pred: Array) -> Pair:
    """Mean log(cosh(y_pred - y_true)), which does not overflow."""
    error = y_pred - y_true
    size = np.abs(error)
    values = size + np.log1p(np.exp(-2.0 * size)) - math.log(2.0)
    return values.mean(-1), along(-1, lambda: np.tanh(error) / error.shape[-1])


@dense
def cosine_similarity(y_true: Array, y_pred: Array, axis: int = -1) -> Pair:
    """- sum of the product of both, each of length 1 along `axis`."""
    length, target_length = _length(y_pred, axis), _length(y_true, axis)
    direction, target = y_pred / length, y_true / target_length
    values = -(direction * target).sum(axis)

    def slope() -> Array:
        return -(target + np.expand_dims(values, axis) * direction) / length

    return values, along(axis, slope)


@dense
def poisson(y_true: Array, y_pred: Array) -> Pair:
    """Mean y_pred - y_true * log(y_pred + epsilon)."""
    values = (y_pred - y_true * np.log(y_pred + epsilon())).mean(-1)
    count = y_pred.shape[-1]
    return values, along(-1, lambda: (1.0 - y_true / (y_pred + epsilon())) / count)


def _length(vectors: Array, axis: int) -> Array:
    """Return lengths; a vector shorter than epsilon is not stretched to length 1."""
    squares = np.square(vectors).sum(axis, keepdims=True)
    length: Array = np.maximum(np.sqrt(squares), vectors.dtype.type(epsilon()))
    return length
