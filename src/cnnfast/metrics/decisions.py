"""Counts of decisions, and what they say: precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from cnnfast.metrics.confusion import FAR_BELOW, count, parse_thresholds
from cnnfast.metrics.metric import Array, Metric
from cnnfast.serialization import Config

Thresholds = float | Sequence[float] | None


class _Decisions(Metric):
    """Sums of some of the four counts, at thresholds."""

    kept: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        thresholds: Thresholds,
        top_k: int | None,
        class_id: int | None,
        name: str | None,
        dtype: Any,
    ) -> None:
        super().__init__(dtype, name)
        self.given_thresholds = thresholds
        default = 0.5 if top_k is None else FAR_BELOW
        self.thresholds = parse_thresholds(thresholds, default, type(self).__name__)
        self.top_k = top_k
        self.class_id = class_id
        self.counts = {
            part: self.add_variable((len(self.thresholds),), name=part) for part in self.kept
        }

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take in a batch.

        Args:
            y_true: targets; whatever is not 0 is true.
            y_pred: predictions.
            sample_weight: a factor for each sample or place.
        """
        found = count(
            y_true, y_pred, self.thresholds, sample_weight, self.top_k, self.class_id
        )._asdict()
        for part, variable in self.counts.items():
            variable.assign_add(found[part])

    def _of_thresholds(self, values: Array) -> Any:
        """Return a float for one threshold, an array for several."""
        return float(values[0]) if len(self.thresholds) == 1 else values

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, ready for JSON."""
        return super().get_config() | {"thresholds": self.given_thresholds}


class _Count(_Decisions):
    """One of the four counts."""

    def __init__(
        self, thresholds: Thresholds = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(thresholds, None, None, name, dtype)

    def result(self) -> Any:
        """Return the count, or one for each threshold."""
        return self._of_thresholds(self.counts[self.kept[0]].numpy())


class TruePositives(_Count):
    """How often yes was right."""

    kept = ("true_positives",)


class FalsePositives(_Count):
    """How often yes was wrong."""

    kept = ("false_positives",)


class TrueNegatives(_Count):
    """How often no was right."""

    kept = ("true_negatives",)


class FalseNegatives(_Count):
    """How often no was wrong."""

    kept = ("false_negatives",)


class _Share(_Decisions):
    """The first count over the sum of both."""

    direction = "up"

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(thresholds, top_k, class_id, name, dtype)

    def result(self) -> Any:
        """Return the share, or one for each threshold; 0 without decisions."""
        part, rest = (self.counts[name].numpy() for name in self.kept)
        return self._of_thresholds(ratio(part, part + rest))

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, ready for JSON."""
        return super().get_config() | {"top_k": self.top_k, "class_id": self.class_id}


class Precision(_Share):
    """How often yes is right.

    Args:
        thresholds: a prediction above one says yes; 0.5, or any prediction with `top_k`.
        top_k: how many of the largest predictions of a row may say yes.
        class_id: the only column that counts.
        name: see `Metric`.
        dtype: see `Metric`.

    Raises:
        ValueError: a threshold lies outside [0, 1].
    """

    kept = ("true_positives", "false_positives")


class Recall(_Share):
    """How often what is true is told.

    Args:
        thresholds: a prediction above one says yes; 0.5, or any prediction with `top_k`.
        top_k: how many of the largest predictions of a row may say yes.
        class_id: the only column that counts.
        name: see `Metric`.
        dtype: see `Metric`.

    Raises:
        ValueError: a threshold lies outside [0, 1].
    """

    kept = ("true_positives", "false_negatives")


def ratio(part: Array, whole: Array) -> Array:
    """Divide; 0 where there is nothing to divide by."""
    result: Array = np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0)
    return result
