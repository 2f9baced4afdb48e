"""Scores of classes and of regressions: F1, overlap, explained variance."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from cnnfast import arguments
from cnnfast.config import epsilon
from cnnfast.losses.function import aligned
from cnnfast.metrics.metric import Array, Metric
from cnnfast.ops.geometry import received
from cnnfast.state import StateVariable

AVERAGES = (None, "micro", "macro", "weighted")
AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")
# Predictions below are nothing, however large compared with the others.
NOTHING = 1e-9


class _ByColumn(Metric):
    """Sums for each column of arrays of rank 2, whose number the first batch tells."""

    direction = "up"
    kept: ClassVar[tuple[str, ...]]

    def __init__(self, dtype: Any, name: str) -> None:
        super().__init__(dtype, name)
        self.sums: dict[str, StateVariable] = {}

    def _columns(self, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
        targets, predictions = aligned(y_true, np.asarray(y_pred, np.float64))
        if predictions.ndim != 2:
            raise received(
                self.name, "predictions must have rank 2", "y_pred.shape", predictions.shape
            )
        if not self.sums:
            shape = (predictions.shape[1],)
            self.sums = {part: self.add_variable(shape, name=part) for part in self.kept}
        return targets, predictions

    def _present(self) -> list[Array]:
        """Return the sums; zeros of one column before the first batch."""
        if not self.sums:
            return [np.zeros(1)] * len(self.kept)
        return [self.sums[part].numpy() for part in self.kept]


class FBetaScore(_ByColumn):
    """Weighted harmonic mean of precision and recall.

    Args:
        average: None for a score for each class; "micro" over all decisions, "macro" over
            classes, "weighted" by how often a class occurs.
        beta: how many times as much recall counts, > 0.
        threshold: what predictions must exceed; None for the largest of a row.
        name: see `Metric`.
        dtype: see `Metric`.

    Raises:
        ValueError: an argument has a wrong value.
    """

    kept = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")
    fields: ClassVar[tuple[str, ...]] = ("average", "beta", "threshold")

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        owner = type(self).__name__
        super().__init__(dtype, name)
        if average not in AVERAGES:
            raise received(owner, f"`average` must be one of {AVERAGES}", "average", average)
        self.average = average
        self.beta = arguments.number(beta, "beta", owner, above=0)
        if threshold is not None and not 0 < threshold <= 1:
            raise received(owner, "`threshold` must be in (0, 1]", "threshold", threshold)
        self.threshold = threshold

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take in a batch."""
        targets, predictions = self._columns(y_true, y_pred)
        if self.threshold is None:
            largest = predictions.max(-1, keepdims=True)
            said = (predictions >= largest) & (np.abs(predictions) > NOTHING)
        else:
            said = predictions > self.threshold
        weights = np.ones(len(said)) if sample_weight is None else np.asarray(sample_weight)
        parts = (said * targets, said * (1.0 - targets), ~said * targets, targets)
        for variable, values in zip(self.sums.values(), parts, strict=True):
            variable.assign_add(weights.reshape(-1) @ values)

    def result(self) -> Any:
        """Return the score, or one for each class."""
        right, wrong, missed, weights = self._present()
        if self.average == "micro":
            right, wrong, missed = right.sum(), wrong.sum(), missed.sum()
        precision, recall = (
            right / (right + wrong + epsilon()),
            right / (right + missed + epsilon()),
        )
        square = self.beta**2
        scores = precision * recall / (square * precision + recall + epsilon()) * (1.0 + square)
        if self.average == "weighted":
            return float((scores * weights / (weights.sum() + epsilon())).sum())
        return scores if self.average is None else float(np.mean(scores))


class F1Score(FBetaScore):
    """Harmonic mean of precision and recall; see `FBetaScore`."""

    fields: ClassVar[tuple[str, ...]] = ("average", "threshold")

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)


class R2Score(_ByColumn):
    """Share of the targets' variance that predictions explain.

    Args:
        class_aggregation: "uniform_average", "variance_weighted_average", or None for a score
            for each column.
        num_regressors: for the adjusted score, 0 for the usual one.
        name: see `Metric`.
        dtype: see `Metric`.

    Raises:
        ValueError: an argument has a wrong value.
    """

    kept = ("squared_sum", "sum", "residual", "count")
    fields: ClassVar[tuple[str, ...]] = ("class_aggregation", "num_regressors")

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if class_aggregation not in AGGREGATIONS:
            raise received(
                "R2Score",
                f"`class_aggregation` must be one of {AGGREGATIONS}",
                "class_aggregation",
                class_aggregation,
            )
        if num_regressors < 0:
            raise received(
                "R2Score", "`num_regressors` must be >= 0", "num_regressors", num_regressors
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable(name="num_samples")

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take in a batch."""
        targets, predictions = self._columns(y_true, y_pred)
        given = 1.0 if sample_weight is None else np.asarray(sample_weight, np.float64)
        given = np.reshape(given, (-1, 1)) if np.ndim(given) == 1 else given
        weights = np.broadcast_to(given, targets.shape)
        parts = (
            targets * targets,
            targets,
            np.square(targets - predictions),
            np.ones_like(targets),
        )
        for variable, values in zip(self.sums.values(), parts, strict=True):
            variable.assign_add((values * weights).sum(0))
        self.num_samples.assign_add(targets.size)

    def result(self) -> Any:
        """Return the score, or one for each column."""
        squares, total, residual, count = self._present()
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = squares - total * (total / count)
            scores = 1.0 - residual / variance
        scores = np.where(np.isinf(scores), 0.0, scores)
        if self.class_aggregation is None:
            return self._adjusted(scores)
        weights = None if self.class_aggregation == "uniform_average" else variance
        return float(self._adjusted(np.average(scores, weights=weights)))

    def _adjusted(self, score: Any) -> Any:
        """Take the number of regressors into account, where there are samples enough."""
        spare = float(self.num_samples) - 1.0 - self.num_regressors
        if self.num_regressors == 0:
            return score
        if spare <= 0:
            warnings.warn(
                "R2Score: there are too few samples for so many regressors; the score is not "
                "adjusted.",
                stacklevel=3,
            )
            return score
        return 1.0 - (1.0 - score) * (float(self.num_samples) - 1.0) / spare


class IoU(Metric):
    """Mean over classes of intersection over union.

    Args:
        num_classes: how many classes there are.
        target_class_ids: those that count.
        name: see `Metric`.
        dtype: see `Metric`.
        ignore_class: targets of this class count nothing.
        sparse_y_true: whether targets are numbers of classes, not one-hot.
        sparse_y_pred: whether predictions are numbers of classes, not probabilities.
        axis: of the classes, where there is one.

    Raises:
        ValueError: a class is none.
    """

    direction = "up"
    fields: ClassVar[tuple[str, ...]] = (
        "num_classes",
        "target_class_ids",
        "ignore_class",
        "sparse_y_true",
        "sparse_y_pred",
        "axis",
    )

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__("int" if dtype is None else dtype, name)
        if max(target_class_ids) >= num_classes:
            raise received(
                type(self).__name__,
                f"`target_class_ids` must be below {num_classes}",
                "target_class_ids",
                list(target_class_ids),
            )
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable((num_classes, num_classes), name="total_confusion_matrix")

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take in a batch; what is no class counts nothing."""
        targets = self._classes(y_true, self.sparse_y_true)
        predictions = self._classes(y_pred, self.sparse_y_pred)
        given = np.asarray(1.0 if sample_weight is None else sample_weight, np.float64)
        weights = np.broadcast_to(given.reshape(-1) if given.ndim else given, targets.shape)
        counted = (targets >= 0) & (targets < self.num_classes)
        counted &= (predictions >= 0) & (predictions < self.num_classes)
        if self.ignore_class is not None:
            counted &= targets != self.ignore_class
        places = targets[counted] * self.num_classes + predictions[counted]
        size = self.num_classes**2
        found = np.bincount(places, weights[counted], size)
        self.total_cm.assign_add(found.reshape(self.total_cm.shape))

    def _classes(self, values: ArrayLike, sparse: bool) -> Array:
        array = np.asarray(values)
        numbers = array if sparse else array.argmax(self.axis)
        return numbers.astype(np.int64).reshape(-1)

    def result(self) -> float:
        """Return the mean over those of the target classes that occur."""
        matrix = self.total_cm.numpy()
        common = np.diag(matrix)[self.target_class_ids]
        union = (matrix.sum(0) + matrix.sum(1))[self.target_class_ids] - common
        present = union > NOTHING
        shares = np.where(present, common / (union + epsilon()), 0.0)
        return float(shares.sum() / (present.sum() + epsilon()))


class MeanIoU(IoU):
    """Mean over all classes of intersection over union; see `IoU`."""

    fields: ClassVar[tuple[str, ...]] = (
        "num_classes",
        "ignore_class",
        "sparse_y_true",
        "sparse_y_pred",
        "axis",
    )

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            range(num_classes),
            name,
            dtype,
            ignore_class,
            sparse_y_true,
            sparse_y_pred,
            axis,
        )


class OneHotIoU(IoU):
    """Intersection over union of one-hot targets; see `IoU`."""

    fields: ClassVar[tuple[str, ...]] = (
        "num_classes",
        "target_class_ids",
        "ignore_class",
        "sparse_y_pred",
        "axis",
    )

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )


class OneHotMeanIoU(MeanIoU):
    """Mean intersection over union of one-hot targets; see `IoU`."""

    fields: ClassVar[tuple[str, ...]] = ("num_classes", "ignore_class", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)


class BinaryIoU(IoU):
    """Intersection over union of yes and no; predictions from `threshold` on say yes."""

    fields: ClassVar[tuple[str, ...]] = ("target_class_ids", "threshold")

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take in a batch."""
        said = np.asarray(y_pred, np.float32) >= np.float32(self.threshold)
        super().update_state(y_true, said, sample_weight)
