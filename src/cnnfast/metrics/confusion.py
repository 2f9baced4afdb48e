"""Counts of right and wrong decisions: predictions above a threshold say yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from cnnfast.config import epsilon
from cnnfast.losses.function import same_rank
from cnnfast.metrics.metric import Array

# What is not among the k largest is moved below every threshold.
FAR_BELOW = -1e10


class Counts(NamedTuple):
    """Weighted counts, one for each threshold, or (threshold, label)."""

    true_positives: Array
    false_positives: Array
    true_negatives: Array
    false_negatives: Array


def parse_thresholds(
    thresholds: float | Sequence[float] | None, default: float, owner: str
) -> list[float]:
    """Turn what the user gave into a list of thresholds.

    Raises:
        ValueError: one lies outside [0, 1].
    """
    if thresholds is None:
        return [default]
    given: list[Any] = np.ravel(np.asarray(thresholds)).tolist()
    if any(t is None or not 0 <= t <= 1 for t in given):
        raise ValueError(
            f"{owner}: `thresholds` must lie in [0, 1]. Received: thresholds={thresholds}"
        )
    return [float(t) for t in given]


def count(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    thresholds: Sequence[float],
    sample_weight: ArrayLike | None = None,
    top_k: int | None = None,
    class_id: int | None = None,
    by_label: bool = False,
    label_weights: Array | None = None,
) -> Counts:
    """Count decisions.

    Args:
        y_true: targets; whatever is not 0 is true.
        y_pred: predictions.
        thresholds: a prediction above one is positive.
        sample_weight: a factor for each sample or place.
        top_k: only so many of the largest predictions of a row may be positive.
        class_id: only this column counts.
        by_label: whether each column is counted by itself.
        label_weights: a factor for each column, where they are counted together.

    Raises:
        ValueError: the shapes do not fit together.
    """
    predictions, targets = same_rank(np.asarray(y_pred, np.float32), np.asarray(y_true) != 0)
    if targets.shape != predictions.shape:
        raise ValueError(
            "Targets must have the shape of the predictions. "
            f"Received: y_true.shape={np.shape(y_true)}, y_pred.shape={np.shape(y_pred)}"
        )
    weights = _weights(sample_weight, predictions)
    if top_k is not None:
        predictions = _only_largest(predictions, top_k)
    if class_id is not None:
        if predictions.ndim == 1:
            raise ValueError("`class_id` needs predictions with an axis of classes.")
        targets, predictions = targets[..., [class_id]], predictions[..., [class_id]]
        weights = weights if weights.shape[-1:] in ((), (1,)) else weights[..., [class_id]]
    if label_weights is not None:
        weights = weights * label_weights
    weights = np.broadcast_to(weights, predictions.shape)
    columns = predictions.shape[-1] if by_label else 1
    shape = (-1, columns) if by_label else (-1, 1)
    true, said, weight = (a.reshape(shape) for a in (targets, predictions, weights))
    counted = [_column(true[:, k], said[:, k], weight[:, k], thresholds) for k in range(columns)]
    return Counts(
        *(np.stack(parts, -1) if by_label else parts[0] for parts in zip(*counted, strict=True))
    )


def is_even(thresholds: Sequence[float]) -> bool:
    """Whether thresholds divide [0, 1] into equal parts."""
    size = len(thresholds)
    if size < 3:
        return False
    return bool(np.allclose(thresholds, np.arange(size) / (size - 1), atol=epsilon()))


def _weights(sample_weight: ArrayLike | None, predictions: Array) -> Array:
    if sample_weight is None:
        return np.ones((1,) * predictions.ndim)
    weights = np.asarray(sample_weight, np.float64)
    missing = predictions.ndim - weights.ndim
    return weights.reshape(weights.shape + (1,) * missing) if missing > 0 else weights


def _only_largest(predictions: Array, k: int) -> Array:
    order = np.argsort(-predictions, axis=-1, kind="stable")[..., :k]
    kept: Array = np.full_like(predictions, FAR_BELOW)
    np.put_along_axis(kept, order, np.take_along_axis(predictions, order, -1), -1)
    return kept


def _column(
    targets: Array, predictions: Array, weights: Array, thresholds: Sequence[float]
) -> Counts:
    """Count the decisions on one column of predictions."""
    levels = _levels(predictions, thresholds)
    size = len(thresholds) + 1

    def above(weighted: Array) -> Array:
        """Sum the weights of predictions above each threshold."""
        by_level = np.bincount(levels, weighted, size)
        result: Array = by_level[::-1].cumsum()[::-1][1:]
        return result

    order = np.argsort(np.argsort(thresholds, kind="stable"), kind="stable")
    true, false = weights * targets, weights * ~targets
    true_positives, false_positives = above(true)[order], above(false)[order]
    return Counts(
        true_positives,
        false_positives,
        false.sum() - false_positives,
        true.sum() - true_positives,
    )


def _levels(predictions: Array, thresholds: Sequence[float]) -> Array:
    """Return how many thresholds lie below each prediction; NaN is above none.

    Even ones are not compared but calculated, in Keras's precision, which decides ties.
    """
    known = np.where(np.isnan(predictions), np.float32(FAR_BELOW), predictions)
    if not is_even(thresholds):
        limits = np.sort(np.asarray(thresholds, np.float32))
        return np.searchsorted(limits, known, side="left")
    inside = np.clip(known, np.float32(0), np.float32(1))
    parts = np.float32(len(thresholds) - 1)
    levels: Any = np.ceil(inside * parts).astype(np.int64)
    # A first threshold below 0 lies below every prediction.
    result: Array = np.maximum(levels, 1 if thresholds[0] < 0 else 0)
    return result
