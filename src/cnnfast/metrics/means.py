"""Means of losses, and of what is like a loss."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from cnnfast import losses
from cnnfast.config import epsilon
from cnnfast.losses.function import aligned
from cnnfast.metrics.metric import Array, Mean, MeanMetricWrapper


class _LossMetric(MeanMetricWrapper):
    """Mean of a loss function, less of which is better."""

    direction = "down"
    function: ClassVar[Any]
    default: ClassVar[str]

    def __init__(self, name: str | None = None, dtype: Any = None, **options: Any) -> None:
        super().__init__(type(self).function, name or self.default, dtype, **options)


class MeanSquaredError(_LossMetric):
    """Mean of the squared errors."""

    function = losses.mean_squared_error
    default = "mean_squared_error"


class MeanAbsoluteError(_LossMetric):
    """Mean of the absolute errors."""

    function = losses.mean_absolute_error
    default = "mean_absolute_error"


class MeanAbsolutePercentageError(_LossMetric):
    """Mean of the absolute errors in percent of the targets."""

    function = losses.mean_absolute_percentage_error
    default = "mean_absolute_percentage_error"


class MeanSquaredLogarithmicError(_LossMetric):
    """Mean of the squared errors of logarithms."""

    function = losses.mean_squared_logarithmic_error
    default = "mean_squared_logarithmic_error"


class LogCoshError(_LossMetric):
    """Mean of the logarithm of the hyperbolic cosine of the errors."""

    function = losses.log_cosh
    default = "logcosh"


class Hinge(_LossMetric):
    """Mean of what is missing to a margin of 1."""

    function = losses.hinge
    default = "hinge"


class SquaredHinge(_LossMetric):
    """Mean of the square of what is missing to a margin of 1."""

    function = losses.squared_hinge
    default = "squared_hinge"


class CategoricalHinge(_LossMetric):
    """Mean of what is missing to a margin of 1 before the largest wrong class."""

    function = losses.categorical_hinge
    default = "categorical_hinge"


class KLDivergence(_LossMetric):
    """Mean divergence of Kullback and Leibler."""

    function = losses.kl_divergence
    default = "kl_divergence"


class Poisson(_LossMetric):
    """Mean of the prediction minus target times its logarithm."""

    function = losses.poisson
    default = "poisson"


class BinaryCrossentropy(_LossMetric):
    """Mean crossentropy of yes and no."""

    fields: ClassVar[tuple[str, ...]] = ("from_logits", "label_smoothing")
    function = losses.binary_crossentropy
    default = "binary_crossentropy"

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(_LossMetric):
    """Mean crossentropy of one-hot targets."""

    fields: ClassVar[tuple[str, ...]] = ("from_logits", "label_smoothing", "axis")
    function = losses.categorical_crossentropy
    default = "categorical_crossentropy"

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis
        )


class SparseCategoricalCrossentropy(_LossMetric):
    """Mean crossentropy of numbers of classes."""

    fields: ClassVar[tuple[str, ...]] = ("from_logits", "ignore_class", "axis")
    function = losses.sparse_categorical_crossentropy
    default = "sparse_categorical_crossentropy"

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis)


class RootMeanSquaredError(Mean):
    """Root of the mean of the squared errors."""

    direction = "down"

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(  # type: ignore[override]
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take in a batch."""
        targets, predictions = aligned(y_true, y_pred)
        super().update_state(np.square(predictions - targets), sample_weight)

    def result(self) -> float:
        """Return the root of the mean."""
        return math.sqrt(super().result())


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """Return the cosine of the angle between target and prediction."""
    return -losses.cosine_similarity(y_true, y_pred, axis=axis)


def pearson_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """Return the correlation of target and prediction along an axis."""
    targets, predictions = aligned(y_true, y_pred)
    targets = targets - targets.mean(axis, keepdims=True)
    predictions = predictions - predictions.mean(axis, keepdims=True)
    targets = targets / targets.std(axis, keepdims=True)
    result: Array = (targets * predictions / predictions.std(axis, keepdims=True)).mean(axis)
    return result


def concordance_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """Return the agreement of target and prediction along an axis: 1 where they are equal."""
    targets, predictions = aligned(y_true, y_pred)
    target_mean, mean = targets.mean(axis, keepdims=True), predictions.mean(axis, keepdims=True)
    # The mean of the predictions twice, as Keras has it: it does not change the mean product.
    product = (targets - mean) * (predictions - mean)
    spread = targets.var(axis, keepdims=True) + predictions.var(axis, keepdims=True)
    spread = spread + np.square(target_mean - mean) + epsilon()
    result: Array = (2.0 * product / spread).mean(axis)
    return result


class CosineSimilarity(MeanMetricWrapper):
    """Mean cosine of the angle between target and prediction."""

    direction = "up"

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


class PearsonCorrelation(MeanMetricWrapper):
    """Mean correlation of target and prediction."""

    direction = "up"
    fields: ClassVar[tuple[str, ...]] = ("axis",)

    def __init__(
        self, name: str = "pearson_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(MeanMetricWrapper):
    """Mean agreement of target and prediction."""

    direction = "up"
    fields: ClassVar[tuple[str, ...]] = ("axis",)

    def __init__(
        self, name: str = "concordance_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
