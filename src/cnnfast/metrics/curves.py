"""What is known of decisions at many thresholds: areas under curves, and points on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from cnnfast import arguments
from cnnfast.config import epsilon
from cnnfast.losses.crossentropy import sigmoid
from cnnfast.metrics.confusion import Counts, count
from cnnfast.metrics.decisions import ratio
from cnnfast.metrics.metric import Array, Metric
from cnnfast.ops.geometry import is_integer, received
from cnnfast.serialization import Config
from cnnfast.state import StateVariable


def even_thresholds(size: int) -> list[float]:
    """Divide [0, 1] into equal parts."""
    return [i / (size - 1) for i in range(size)] if size > 1 else [0.5]


class _Curve(Metric):
    """All four counts at many thresholds."""

    direction = "up"

    def _make_counts(self, shape: tuple[int, ...]) -> None:
        self.counts: list[StateVariable] = [
            self.add_variable(shape, name=part) for part in Counts._fields
        ]

    def _present(self) -> Counts:
        return Counts(*(variable.numpy() for variable in self.counts))


class _AtLeast(_Curve):
    """The best of one share where another is at least a given value."""

    argument: ClassVar[str]

    def __init__(
        self, value: float, num_thresholds: int, class_id: int | None, name: Any, dtype: Any
    ) -> None:
        owner = type(self).__name__
        if not (is_integer(num_thresholds) and num_thresholds > 0):
            raise received(
                owner, "`num_thresholds` must be an integer > 0", "num_thresholds", num_thresholds
            )
        super().__init__(dtype, name)
        self.value = arguments.number(value, self.argument, owner, least=0)
        if value > 1:
            raise received(owner, f"`{self.argument}` must be at most 1", self.argument, value)
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = even_thresholds(num_thresholds)
        self._make_counts((num_thresholds,))

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take in a batch."""
        found = count(y_true, y_pred, self.thresholds, sample_weight, class_id=self.class_id)
        for variable, values in zip(self.counts, found, strict=True):
            variable.assign_add(values)

    def _shares(self, counts: Counts) -> tuple[Array, Array]:
        """Return the share that is asked for and the one that is bound, at each threshold."""
        raise NotImplementedError

    def result(self) -> float:
        """Return the best share, 0 where the other never reaches its value."""
        wanted, bound = self._shares(self._present())
        return float(np.max(wanted, where=bound >= self.value, initial=0.0))

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, ready for JSON."""
        return super().get_config() | {
            "class_id": self.class_id,
            "num_thresholds": self.num_thresholds,
            self.argument: self.value,
        }


def _precision(counts: Counts) -> Array:
    return ratio(counts.true_positives, counts.true_positives + counts.false_positives)


def _recall(counts: Counts) -> Array:
    return ratio(counts.true_positives, counts.true_positives + counts.false_negatives)


def _specificity(counts: Counts) -> Array:
    return ratio(counts.true_negatives, counts.true_negatives + counts.false_positives)


class SensitivityAtSpecificity(_AtLeast):
    """The best sensitivity where the specificity is at least `specificity`."""

    argument = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)

    def _shares(self, counts: Counts) -> tuple[Array, Array]:
        return _recall(counts), _specificity(counts)


class SpecificityAtSensitivity(_AtLeast):
    """The best specificity where the sensitivity is at least `sensitivity`."""

    argument = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)

    def _shares(self, counts: Counts) -> tuple[Array, Array]:
        return _specificity(counts), _recall(counts)


class PrecisionAtRecall(_AtLeast):
    """The best precision where the recall is at least `recall`."""

    argument = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)

    def _shares(self, counts: Counts) -> tuple[Array, Array]:
        return _precision(counts), _recall(counts)


class RecallAtPrecision(_AtLeast):
    """The best recall where the precision is at least `precision`."""

    argument = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)

    def _shares(self, counts: Counts) -> tuple[Array, Array]:
        return _recall(counts), _precision(counts)


class AUC(_Curve):
    """Area under the curve of recall over false alarms, or of precision over recall.

    Args:
        num_thresholds: points of the curve, at least 2.
        curve: "ROC", "PR" or "PRGAIN".
        summation_method: "interpolation", "minoring" or "majoring".
        name: see `Metric`.
        dtype: see `Metric`.
        thresholds: points between 0 and 1 to use in place of even ones.
        multi_label: whether each column has a curve of its own; their areas are averaged.
        num_labels: columns, where it is known beforehand.
        label_weights: a factor for each column.
        from_logits: whether predictions are logits.

    Raises:
        ValueError: an argument has a wrong value.
    """

    CURVES: ClassVar[tuple[str, ...]] = ("roc", "pr", "prgain")
    METHODS: ClassVar[tuple[str, ...]] = ("interpolation", "minoring", "majoring")

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(dtype, name)
        self.curve = arguments.choice(curve, "curve", "AUC", self.CURVES).upper()
        self.summation_method = arguments.choice(
            summation_method, "summation_method", "AUC", self.METHODS
        )
        if thresholds is None and not (is_integer(num_thresholds) and num_thresholds > 1):
            raise received(
                "AUC", "`num_thresholds` must be an integer > 1", "num_thresholds", num_thresholds
            )
        if num_labels and not multi_label:
            raise ValueError("AUC: `num_labels` is needed only with `multi_label`.")
        self.given_thresholds = None if thresholds is None else sorted(thresholds)
        inner = self.given_thresholds or even_thresholds(num_thresholds)[1:-1]
        self.thresholds = [-epsilon(), *inner, 1.0 + epsilon()]
        self.num_thresholds = len(self.thresholds)
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights)
        self.from_logits = from_logits
        self.counts = []
        if num_labels or not multi_label:
            self._make_counts(self._shape(num_labels))

    def _shape(self, labels: int | None) -> tuple[int, ...]:
        return (self.num_thresholds, *((labels,) if labels else ()))

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take in a batch.

        Args:
            y_true: targets; whatever is not 0 is true.
            y_pred: probabilities, or logits.
            sample_weight: a factor for each sample or place.

        Raises:
            ValueError: each label is to have its curve and predictions are not of rank 2.
        """
        predictions = np.asarray(y_pred, np.float32)
        if not self.counts:
            if predictions.ndim != 2:
                raise received(
                    "AUC", "`multi_label` needs rank 2", "y_pred.shape", predictions.shape
                )
            self._make_counts(self._shape(predictions.shape[1]))
        found = count(
            y_true,
            sigmoid(predictions) if self.from_logits else predictions,
            self.thresholds,
            sample_weight,
            by_label=self.multi_label,
            label_weights=None if self.multi_label else self.label_weights,
        )
        for variable, values in zip(self.counts, found, strict=True):
            variable.assign_add(values)

    def result(self) -> float:
        """Return the area, 0 without a batch."""
        if not self.counts:
            return 0.0
        counts = self._present()
        if (self.curve, self.summation_method) == ("PR", "interpolation"):
            areas = _precision_areas(counts)
        else:
            x, y = self._coordinates(counts)
            areas = (x[:-1] - x[1:]) * self._heights(y)
        by_label = areas.sum(0)
        if not self.multi_label:
            return float(by_label)
        return float(np.average(by_label, weights=self.label_weights))

    def _coordinates(self, counts: Counts) -> tuple[Array, Array]:
        if self.curve == "ROC":
            return 1.0 - _specificity_or_one(counts), _recall(counts)
        if self.curve == "PR":
            return _recall(counts), _precision(counts)
        return _gains(counts)

    def _heights(self, y: Array) -> Array:
        heights: Array
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2.0
        elif self.summation_method == "minoring":
            heights = np.minimum(y[:-1], y[1:])
        else:
            heights = np.maximum(y[:-1], y[1:])
        return heights

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, ready for JSON."""
        weights = None if self.label_weights is None else self.label_weights.tolist()
        config = super().get_config() | {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": weights,
            "from_logits": self.from_logits,
        }
        given = self.given_thresholds
        return config | ({} if given is None else {"thresholds": given})


def _specificity_or_one(counts: Counts) -> Array:
    """Return the specificity; where nothing is false there are no false alarms."""
    negatives = counts.true_negatives + counts.false_positives
    return 1.0 - ratio(counts.false_positives, negatives)


def _gains(counts: Counts) -> tuple[Array, Array]:
    """Return the gains of recall and precision over saying yes always."""
    positives = counts.true_positives + counts.false_negatives
    scale = ratio(positives, counts.true_negatives + counts.false_positives)
    found = counts.true_positives > 0
    recall = 1.0 - scale * ratio(counts.false_negatives, counts.true_positives)
    precision = 1.0 - scale * ratio(counts.false_positives, counts.true_positives)
    return np.maximum(np.where(found, recall, 0.0), 0.0), np.where(found, precision, 1.0)


def _precision_areas(counts: Counts) -> Array:
    """Integrate precision between neighbouring thresholds, where true positives are linear in all.

    Source: Davis and Goadrich (2006), "The Relationship Between Precision-Recall and ROC Curves".
    """
    true = counts.true_positives
    positive = true + counts.false_positives
    change = true[:-1] - true[1:]
    slope = ratio(change, np.maximum(positive[:-1] - positive[1:], 0.0))
    start = true[1:] - slope * positive[1:]
    both = (positive[:-1] > 0) & (positive[1:] > 0)
    growth = np.where(both, ratio(positive[:-1], positive[1:]), 1.0)
    total = true[1:] + counts.false_negatives[1:]
    return ratio(slope * (change + start * np.log(growth)), np.maximum(total, 0.0))
