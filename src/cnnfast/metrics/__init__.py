"""Metrics, under Keras's names.

A metric takes in batches with `update_state` and says with `result` what is known of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cnnfast import losses
from cnnfast.metrics import accuracy as accuracies
from cnnfast.metrics import curves, decisions, iou, means, scores
from cnnfast.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from cnnfast.metrics.curves import (
    AUC,
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from cnnfast.metrics.decisions import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from cnnfast.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from cnnfast.metrics.means import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    ConcordanceCorrelation,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    PearsonCorrelation,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    concordance_correlation,
    pearson_correlation,
)
from cnnfast.metrics.metric import Mean, MeanMetricWrapper, Metric, Sum
from cnnfast.metrics.scores import F1Score, FBetaScore, R2Score
from cnnfast.names import to_snake_case
from cnnfast.serialization import Config, Registry

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "concordance_correlation",
    "deserialize",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "pearson_correlation",
    "resolve",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]

# Losses that Keras also offers as metric functions.
binary_crossentropy = losses.binary_crossentropy
categorical_crossentropy = losses.categorical_crossentropy
mean_absolute_error = losses.mean_absolute_error
mean_squared_error = losses.mean_squared_error
sparse_categorical_crossentropy = losses.sparse_categorical_crossentropy

MODULES = (accuracies, curves, decisions, iou, means, scores)
CLASSES: list[type[Metric]] = [
    Mean,
    MeanMetricWrapper,
    Sum,
    *(
        cls
        for module in MODULES
        for name, cls in vars(module).items()
        if name in __all__ and isinstance(cls, type) and issubclass(cls, Metric)
    ),
]
NAMES: dict[str, Callable[..., Any]] = {cls.__name__: cls for cls in CLASSES}
NAMES |= {to_snake_case(name): cls for name, cls in NAMES.items()}
ALIASES: dict[str, type[Metric]] = {
    "bce": BinaryCrossentropy,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
}
# Keras 1's and 2's names.
LEGACY: dict[str, type[Metric]] = {
    "cosine": CosineSimilarity,
    "cosine_proximity": CosineSimilarity,
    "kld": KLDivergence,
    "kullback_leibler_divergence": KLDivergence,
    "logcosh": LogCoshError,
    "log_cosh": LogCoshError,
}
NAMES |= ALIASES | {name.upper(): cls for name, cls in ALIASES.items()} | LEGACY
NAMES["acc"] = Accuracy

REGISTRY: Registry[Callable[..., Any]] = Registry("metric", NAMES)

ACCURACIES = ("accuracy", "acc")
CROSSENTROPIES = ("crossentropy", "ce")
# Words whose meaning depends on the shapes of targets and predictions.
BY_SHAPE = (*ACCURACIES, *CROSSENTROPIES)


def get(identifier: Any) -> Callable[..., Any] | None:
    """Find the metric that a name, a file or the user means.

    Args:
        identifier: a name such as "mae", the dict a file holds, a class, a metric, a function of
            targets and predictions, or None.

    Returns:
        A metric, or the function; None for None.

    Raises:
        ValueError: there is no metric of that name.
    """
    return REGISTRY.get(identifier)


def resolve(
    identifier: Any, y_true_shape: tuple[int, ...], y_pred_shape: tuple[int, ...]
) -> Metric:
    """Find the metric that is meant in `compile`, once shapes are known.

    "accuracy" and "acc" mean a binary accuracy for predictions of one column, a sparse one for
    targets that are numbers of classes, else a categorical one; "crossentropy" and "ce" likewise.

    Args:
        identifier: as for `get`, but not None.
        y_true_shape: with the batch; sizes may be None.
        y_pred_shape: with the batch.

    Returns:
        A metric. Its name is the user's string, if it was one; a function's name.

    Raises:
        ValueError: there is no metric of that name.
    """
    if identifier is None:
        raise ValueError("A metric is needed. Received: None")
    word = identifier.lower() if isinstance(identifier, str) else None
    found: Any
    if word in ACCURACIES:
        found = _of_shapes(
            (BinaryAccuracy, SparseCategoricalAccuracy, CategoricalAccuracy),
            y_true_shape,
            y_pred_shape,
        )()
    elif word in CROSSENTROPIES:
        found = _of_shapes(
            (BinaryCrossentropy, SparseCategoricalCrossentropy, CategoricalCrossentropy),
            y_true_shape,
            y_pred_shape,
        )()
    else:
        found = get(identifier)
    if not isinstance(found, Metric):
        found = MeanMetricWrapper(found, getattr(found, "__name__", None) or found.name)
    if isinstance(identifier, str):
        found.name = identifier
    metric: Metric = found
    return metric


def _of_shapes(
    choices: tuple[Any, Any, Any], y_true_shape: tuple[int, ...], y_pred_shape: tuple[int, ...]
) -> Any:
    """Choose between binary, sparse and categorical by Keras's rule."""
    binary, sparse, categorical = choices
    last = y_pred_shape[-1] if y_pred_shape else 1
    if last == 1:
        return binary
    if len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1:
        return sparse
    return categorical


def serialize(metric: Callable[..., Any] | None) -> Config | None:
    """Describe a metric the way a Keras 3 file does.

    Args:
        metric: a metric, a named function, or None.

    Returns:
        {"module", "class_name", "config", "registered_name"}, or None for None.
    """
    return REGISTRY.serialize(metric)


def deserialize(
    config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Callable[..., Any]:
    """Build the metric that a file describes.

    Args:
        config: a name or a dict of Keras 2 or 3.
        custom_objects: further classes and functions of the caller, by name; they go first.

    Returns:
        The metric.

    Raises:
        ValueError: the description is broken or its name is not known.
        TypeError: the arguments do not fit the class.
    """
    return REGISTRY.deserialize(config, custom_objects)
