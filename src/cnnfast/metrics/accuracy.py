"""Accuracies: how often predictions are right."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from cnnfast.losses.function import floating, same_rank
from cnnfast.metrics.metric import Array, MeanMetricWrapper
from cnnfast.ops.geometry import received


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Tell where predictions equal targets, as 1 and 0."""
    return _matches(*same_rank(np.asarray(y_true), np.asarray(y_pred)))


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> Array:
    """Tell where predictions above a threshold meet targets of 1, as 1 and 0."""
    targets, predictions = same_rank(np.asarray(y_true), floating(y_pred))
    return _matches(targets, predictions > threshold)


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Tell where the largest prediction is that of the largest target."""
    return _matches(np.asarray(y_true).argmax(-1), np.asarray(y_pred).argmax(-1))


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Tell where the largest prediction is that of the target class."""
    predictions = np.asarray(y_pred)
    matches = _matches(_class_numbers(y_true, predictions), predictions.argmax(-1))
    return matches[..., 0] if matches.ndim > 1 and matches.shape[-1] == 1 else matches


def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> Array:
    """Tell where the prediction of the largest target is among the k largest."""
    return _in_top_k(np.asarray(y_true).argmax(-1), np.asarray(y_pred), k)


def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5, from_sorted_ids: bool = False
) -> Array:
    """Tell where the target class is among the k largest predictions.

    Args:
        y_true: numbers of classes.
        y_pred: predictions, or, with `from_sorted_ids`, classes with the best first.
        k: how many count.
        from_sorted_ids: what y_pred holds.
    """
    predictions = np.asarray(y_pred)
    labels = _class_numbers(y_true, predictions)
    if not from_sorted_ids:
        return _in_top_k(labels, predictions, k)
    found = (labels[..., np.newaxis] == predictions[..., :k]).any(-1)
    matches: Array = found.astype(np.float32)
    return matches


def _matches(targets: Array, predictions: Array) -> Array:
    """Compare arrays of one shape, or of shapes that broadcast."""
    try:
        return np.equal(targets, predictions).astype(np.float32)
    except ValueError:
        raise ValueError(
            "Accuracy compares one prediction with each target. "
            f"Received: targets of shape {targets.shape}, predictions of shape {predictions.shape}"
        ) from None


def _class_numbers(y_true: ArrayLike, y_pred: Array) -> Array:
    labels = np.asarray(y_true)
    return labels[..., 0] if labels.ndim == y_pred.ndim and labels.shape[-1] == 1 else labels


def _in_top_k(labels: Array, y_pred: Array, k: int) -> Array:
    """Tell which labels have fewer than k predictions above theirs; a tie is no hindrance."""
    if labels.shape != y_pred.shape[:-1]:
        raise received(
            None, f"targets must have shape {y_pred.shape[:-1]}", "y_true.shape", labels.shape
        )
    classes = y_pred.shape[-1]
    numbers = labels.astype(np.int64)
    known = (numbers >= 0) & (numbers < classes)
    places = np.where(known, numbers, 0)[..., np.newaxis]
    own = np.take_along_axis(y_pred, places, -1)
    above = (y_pred > own).sum(-1)
    finite = np.isfinite(own[..., 0])
    result: Array = ((above < k) & known & finite).astype(np.float32)
    return result


class _AccuracyMetric(MeanMetricWrapper):
    direction = "up"


class Accuracy(_AccuracyMetric):
    """How often predictions equal targets."""

    def __init__(self, name: str = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(_AccuracyMetric):
    """How often predictions lie on the right side of `threshold`."""

    fields: ClassVar[tuple[str, ...]] = ("threshold",)

    def __init__(
        self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5
    ) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(_AccuracyMetric):
    """How often the largest prediction is that of a one-hot target."""

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(_AccuracyMetric):
    """How often the largest prediction is that of the target class."""

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(_AccuracyMetric):
    """How often a one-hot target is among the `k` largest predictions."""

    fields: ClassVar[tuple[str, ...]] = ("k",)

    def __init__(
        self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(_AccuracyMetric):
    """How often the target class is among the `k` largest predictions."""

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name, ready for JSON."""
        sorted_ids = {"from_sorted_ids": True} if self.options["from_sorted_ids"] else {}
        return super().get_config() | {"k": self.options["k"]} | sorted_ids
