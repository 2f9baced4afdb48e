"""Crossentropies that pay less attention to what is predicted well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnfast.losses.crossentropy import (
    clipped,
    inside,
    log_softmax,
    normalized,
    sigmoid,
    smooth,
    warn_of_single_class,
)
from cnnfast.losses.function import Array, Pair, along, dense


@dense
def binary_focal_crossentropy(
    y_true: Array,
    y_pred: Array,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Pair:
    """Binary crossentropy times (1 - p of the target)^gamma, averaged over `axis`.

    Args:
        y_true: 0 or 1, or probabilities.
        y_pred: probabilities or logits.
        apply_class_balancing: whether ones weigh `alpha` and zeros 1 - alpha.
        alpha: see there.
        gamma: 0 for plain crossentropy.
        from_logits: whether y_pred holds logits.
        label_smoothing: how far targets are moved to 1/2, 0 to 1.
        axis: whose elements are averaged.
    """
    targets = smooth(y_true, label_smoothing, 2)
    p = sigmoid(y_pred) if from_logits else y_pred
    c = clipped(p)
    entropy = -(targets * np.log(c) + (1.0 - targets) * np.log(1.0 - c))
    missed = 1.0 - (targets * p + (1.0 - targets) * (1.0 - p))
    weight = targets * alpha + (1.0 - targets) * (1.0 - alpha) if apply_class_balancing else 1.0
    values = weight * missed**gamma * entropy

    def slope() -> Array:
        by_entropy = inside(p) * ((1.0 - targets) / (1.0 - c) - targets / c)
        by_missed = gamma * missed ** (gamma - 1.0) * (1.0 - 2.0 * targets) * entropy
        by_p: Array = weight * (missed**gamma * by_entropy + by_missed) / p.shape[axis]
        return by_p * p * (1.0 - p) if from_logits else by_p

    return values.mean(axis), along(axis, slope)


@dense
def categorical_focal_crossentropy(
    y_true: Array,
    y_pred: Array,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Pair:
    """- sum(alpha * (1 - p)^gamma * y_true * log(p)), over `axis`.

    Args:
        y_true: one-hot, or probabilities.
        y_pred: probabilities or logits.
        alpha: a factor, or one for each class.
        gamma: 0 for plain crossentropy.
        from_logits: whether y_pred holds logits.
        label_smoothing: how far targets are moved to 1 / classes, 0 to 1.
        axis: of the classes.
    """
    warn_of_single_class(y_pred, "categorical_focal_crossentropy")
    targets = smooth(y_true, label_smoothing, y_true.shape[-1])
    factor = np.asarray(alpha, y_pred.dtype)
    p = np.exp(log_softmax(y_pred, axis)) if from_logits else y_pred
    shares, to_predictions = normalized(p, axis)
    c = clipped(shares)
    entropy = -targets * np.log(c)

    def slope() -> Array:
        by_c = (1.0 - c) ** gamma * -targets / c - gamma * (1.0 - c) ** (gamma - 1.0) * entropy
        by_p = to_predictions(inside(shares) * factor * by_c)
        if not from_logits:
            return by_p
        result: Array = p * (by_p - (by_p * p).sum(axis, keepdims=True))
        return result

    return (factor * (1.0 - c) ** gamma * entropy).sum(axis), along(axis, slope)
