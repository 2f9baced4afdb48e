"""Losses of distributions and of sets: how much of the target a prediction covers."""

from __future__ import annotations

import numpy as np

from cnnfast.config import epsilon
from cnnfast.losses.function import Array, Pair, along, dense

Axes = int | tuple[int, ...] | list[int] | None


@dense
def kl_divergence(y_true: Array, y_pred: Array) -> Pair:
    """Sum y_true * log(y_true / y_pred), both clipped to [epsilon, 1]."""
    least = y_pred.dtype.type(epsilon())
    p, targets = np.clip(y_pred, least, 1.0), np.clip(y_true, least, 1.0)
    values = (targets * np.log(targets / p)).sum(-1)
    return values, along(-1, lambda: (p == y_pred) * -targets / p)


@dense
def dice(y_true: Array, y_pred: Array, axis: Axes = None) -> Pair:
    """1 - 2 sum(y_true * y_pred) / (sum(y_true) + sum(y_pred) + epsilon).

    Args:
        y_true: 0 or 1.
        y_pred: probabilities.
        axis: what is summed; None for everything, the batch too.
    """
    axes = _axes(axis)
    common = 2.0 * (y_true * y_pred).sum(axes, keepdims=True)
    total = y_true.sum(axes, keepdims=True) + y_pred.sum(axes, keepdims=True) + epsilon()
    values = np.asarray(1.0 - np.squeeze(common / total, axes))
    slope = (common / total - 2.0 * y_true) / total
    return values, lambda factors: np.reshape(factors, total.shape) * slope


@dense
def tversky(
    y_true: Array, y_pred: Array, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None
) -> Pair:
    """1 - both / (both + alpha * only y_true + beta * only y_pred + epsilon).

    Args:
        y_true: 0 or 1.
        y_pred: probabilities.
        alpha: weight of what is missed.
        beta: weight of what is found wrongly.
        axis: what is summed; None for everything, the batch too.
    """
    axes = _axes(axis)
    both = (y_true * y_pred).sum(axes, keepdims=True)
    missed = ((1.0 - y_pred) * y_true).sum(axes, keepdims=True)
    wrong = (y_pred * (1.0 - y_true)).sum(axes, keepdims=True)
    total = both + alpha * missed + beta * wrong + epsilon()
    growth = y_true - alpha * y_true + beta * (1.0 - y_true)
    values = np.asarray(1.0 - np.squeeze(both / total, axes))
    slope = (growth * (both / total) - y_true) / total
    return values, lambda factors: np.reshape(factors, total.shape) * slope


def _axes(axis: Axes) -> int | tuple[int, ...] | None:
    return tuple(axis) if isinstance(axis, list) else axis
