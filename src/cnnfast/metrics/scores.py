"""Scores of classes and of regressions: F1, explained variance."""

from __future__ import annotations

import warnings
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
