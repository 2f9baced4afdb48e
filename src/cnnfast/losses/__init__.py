"""Losses, under Keras's names: functions that give a value for each sample, and classes.

Each knows its derivative by the predictions. A loss of the user is a function of (y_true, y_pred)
made of NumPy's operations, or a subclass of `Loss`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cnnfast.losses.classes import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    CosineSimilarity,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
)
from cnnfast.losses.crossentropy import (
    binary_crossentropy,
    categorical_crossentropy,
    categorical_generalized_cross_entropy,
    sparse_categorical_crossentropy,
)
from cnnfast.losses.focal import binary_focal_crossentropy, categorical_focal_crossentropy
from cnnfast.losses.function import LossFunction
from cnnfast.losses.hinge import categorical_hinge, hinge, squared_hinge
from cnnfast.losses.loss import Evaluation, Loss, LossFunctionWrapper
from cnnfast.losses.overlap import dice, kl_divergence, tversky
from cnnfast.losses.regression import (
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)
from cnnfast.serialization import Config, Registry

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Dice",
    "Evaluation",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunction",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "as_loss",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "cosine_similarity",
    "deserialize",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]

FUNCTIONS: tuple[LossFunction, ...] = (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    categorical_hinge,
    cosine_similarity,
    dice,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
    tversky,
)
CLASSES: tuple[type[Loss], ...] = (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    CosineSimilarity,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    LossFunctionWrapper,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
)
ALIASES: dict[str, LossFunction] = {
    "bce": binary_crossentropy,
    "kld": kl_divergence,
    "mae": mean_absolute_error,
    "mape": mean_absolute_percentage_error,
    "mse": mean_squared_error,
    "msle": mean_squared_logarithmic_error,
}
# Keras 1's and 2's names.
LEGACY: dict[str, LossFunction] = {
    "cosine": cosine_similarity,
    "cosine_proximity": cosine_similarity,
    "huber_loss": huber,
    "kullback_leibler_divergence": kl_divergence,
    "logcosh": log_cosh,
}

NAMES: dict[str, Callable[..., Any]] = {function.__name__: function for function in FUNCTIONS}
NAMES |= {cls.__name__: cls for cls in CLASSES}
NAMES |= ALIASES | {name.upper(): function for name, function in ALIASES.items()} | LEGACY

REGISTRY: Registry[Callable[..., Any]] = Registry("loss", NAMES)
REGISTRY.module = "keras.losses"


def get(identifier: Any) -> Callable[..., Any] | None:
    """Find the loss that a name, a file or the user means.

    Args:
        identifier: a name such as "mse", the dict a file holds, a class, something that can be
            called with targets and predictions, or None.

    Returns:
        A function for the name of a function, a `Loss` for the name of a class; None for None.

    Raises:
        ValueError: there is no loss of that name.
    """
    return deserialize(identifier) if isinstance(identifier, Mapping) else REGISTRY.get(identifier)


def as_loss(identifier: Any) -> Loss:
    """Find the loss that is meant and make it an object that reduces and differentiates.

    Args:
        identifier: as for `get`, but not None.

    Returns:
        A `Loss`; a function is wrapped, under its own name.

    Raises:
        ValueError: there is no loss of that name.
    """
    found = get(identifier)
    if isinstance(found, Loss):
        return found
    if found is None:
        raise ValueError("A loss is needed. Received: None")
    return LossFunctionWrapper(found, name=getattr(found, "__name__", None))


def serialize(loss: Callable[..., Any] | None) -> Config | None:
    """Describe a loss the way a Keras 3 file does.

    Args:
        loss: a `Loss`, a named function, or None.

    Returns:
        {"module", "class_name", "config", "registered_name"}, or None for None.
    """
    return REGISTRY.serialize(loss)


def deserialize(
    name: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Callable[..., Any]:
    """Build the loss that a file describes.

    Args:
        name: a name or a dict of Keras 2 or 3.
        custom_objects: further classes and functions of the caller, by name; they go first.

    Returns:
        The loss.

    Raises:
        ValueError: the description is broken or its name is not known.
        TypeError: the arguments do not fit the class.
    """
    wrapped = isinstance(name, Mapping) and name.get("class_name") == "LossFunctionWrapper"
    if isinstance(name, Mapping) and wrapped:
        settings = dict(name["config"])
        settings["fn"] = REGISTRY.deserialize(settings["fn"], custom_objects)
        name = {**name, "config": settings}
    return REGISTRY.deserialize(name, custom_objects)
