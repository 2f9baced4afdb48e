"""Crossentropies, of probabilities and of logits.

With logits the activation and the loss are one formula, whose slope is the probability minus the
target: nothing is clipped, and no logarithm of a small number taken. That is what training uses
where softmax or sigmoid stands before the loss, as Keras does on TensorFlow.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnfast.config import epsilon
from cnnfast.losses.function import Array, Pair, along, dense, sparse


@dense
def binary_crossentropy(
    y_true: Array,
    y_pred: Array,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Pair:
    """- mean(y_true * log(p) + (1 - y_true) * log(1 - p)), over `axis`.

    Args:
        y_true: 0 or 1, or probabilities.
        y_pred: probabilities, which are clipped to [epsilon, 1 - epsilon], or logits.
        from_logits: whether y_pred holds logits.
        label_smoothing: how far targets are moved to 1/2, 0 to 1.
        axis: whose elements are averaged.
    """
    targets = smooth(y_true, label_smoothing, 2)
    count = y_pred.shape[axis]
    if from_logits:
        values = np.maximum(y_pred, 0.0) - y_pred * targets + np.log1p(np.exp(-np.abs(y_pred)))
        return values.mean(axis), along(axis, lambda: (sigmoid(y_pred) - targets) / count)
    p = clipped(y_pred)
    values = -(targets * np.log(p) + (1.0 - targets) * np.log(1.0 - p))

    def slope() -> Array:
        result: Array = inside(y_pred) * ((1.0 - targets) / (1.0 - p) - targets / p) / count
        return result

    return values.mean(axis), along(axis, slope)


@dense
def categorical_crossentropy(
    y_true: Array,
    y_pred: Array,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Pair:
    """- sum(y_true * log(p)), over `axis`.

    Args:
        y_true: one-hot, or probabilities. With logits the slope is softmax(y_pred) - y_true, as
            in TensorFlow, which takes their sum for 1.
        y_pred: probabilities, which are scaled to a sum of 1 and clipped to
            [epsilon, 1 - epsilon], or logits.
        from_logits: whether y_pred holds logits.
        label_smoothing: how far targets are moved to 1 / classes, 0 to 1.
        axis: of the classes.
    """
    warn_of_single_class(y_pred, "categorical_crossentropy")
    targets = smooth(y_true, label_smoothing, y_true.shape[-1])
    if from_logits:
        logarithms = log_softmax(y_pred, axis)
        values = -(targets * logarithms).sum(axis)
        return values, along(axis, lambda: np.exp(logarithms) - targets)
    shares, to_predictions = normalized(y_pred, axis)
    p = clipped(shares)
    values = -(targets * np.log(p)).sum(axis)
    return values, along(axis, lambda: to_predictions(inside(shares) * -targets / p))


@sparse
def sparse_categorical_crossentropy(
    y_true: Array,
    y_pred: Array,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Pair:
    """- log(p[y_true]).

    Args:
        y_true: numbers of classes; a last axis of size 1 is dropped.
        y_pred: probabilities, which are clipped to [epsilon, 1 - epsilon] and scaled to a sum of
            1, or logits.
        from_logits: whether y_pred holds logits.
        ignore_class: a number whose places count nothing.
        axis: of the classes, the last one.

    Raises:
        ValueError: a target is no class, or the shapes do not fit together.
    """
    if axis not in (-1, y_pred.ndim - 1):
        raise ValueError(f"the classes must be on the last axis. Received: axis={axis}")
    labels, counted = class_numbers(y_true, y_pred, ignore_class)
    p = y_pred if from_logits else clipped(y_pred)
    logarithms = log_softmax(y_pred if from_logits else np.log(p), -1)
    places = labels[..., np.newaxis]
    values = -np.take_along_axis(logarithms, places, -1)[..., 0]

    def slope() -> Array:
        gradient = np.exp(logarithms)
        chosen = np.take_along_axis(gradient, places, -1) - 1.0
        np.put_along_axis(gradient, places, chosen, -1)
        if not from_logits:
            gradient *= inside(y_pred) / p
        return gradient if counted is None else gradient * counted[..., np.newaxis]

    return values if counted is None else np.where(counted, values, 0.0), along(-1, slope)


@sparse
def categorical_generalized_cross_entropy(y_true: Array, y_pred: Array, q: float) -> Pair:
    """(1 - p[y_true]^q) / q: less sensitive to wrong targets the larger q is.

    Args:
        y_true: numbers of classes.
        y_pred: probabilities.
        q: between 0 and 1.

    Raises:
        ValueError: a target is no class, or the shapes do not fit together.
    """
    labels, _ = class_numbers(y_true, y_pred, None)
    places = labels[..., np.newaxis]
    p = np.take_along_axis(y_pred, places, -1)

    def slope() -> Array:
        gradient = np.zeros_like(y_pred)
        np.put_along_axis(gradient, places, -(p ** (q - 1.0)), -1)
        return gradient

    return ((1.0 - p**q) / q)[..., 0], along(-1, slope)


def smooth(targets: Array, amount: float, classes: int) -> Array:
    """Move targets towards 1 / classes."""
    return targets * (1.0 - amount) + amount / classes if amount else targets


def clipped(p: Array) -> Array:
    """Keep probabilities from 0 and 1, where logarithms are infinite."""
    bound = p.dtype.type(1.0 - epsilon())
    result: Array = np.clip(p, p.dtype.type(epsilon()), bound)
    return result


def inside(p: Array) -> Array:
    """Return 1 where clipping changes nothing and 0 where it does."""
    result: Array = (clipped(p) == p).astype(p.dtype)
    return result


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), without overflow."""
    power = np.exp(-np.abs(x))
    result: Array = np.where(x >= 0, 1.0, power) / (1.0 + power)
    return result.astype(x.dtype)


def log_softmax(x: Array, axis: int) -> Array:
    """X - log(sum e^x), without overflow."""
    below = x - x.max(axis, keepdims=True)
    result: Array = below - np.log(np.exp(below).sum(axis, keepdims=True))
    return result


def normalized(y_pred: Array, axis: int) -> tuple[Array, Callable[[Array], Array]]:
    """Scale to a sum of 1.

    Returns:
        The shares, and what turns a slope by them into one by y_pred.
    """
    total = y_pred.sum(axis, keepdims=True)
    shares = y_pred / total

    def to_predictions(slope: Array) -> Array:
        result: Array = (slope - (slope * shares).sum(axis, keepdims=True)) / total
        return result

    return shares, to_predictions


def class_numbers(
    y_true: Array, y_pred: Array, ignore_class: int | None
) -> tuple[Array, Array | None]:
    """Check the numbers of classes.

    Returns:
        int64, one number for each place of y_pred, and which of them count; None for all. Those
        that do not are 0.

    Raises:
        ValueError: a number is no class, or the shapes do not fit together.
    """
    squeezed = y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1
    targets: Any = y_true[..., 0] if squeezed else y_true
    if targets.shape != y_pred.shape[:-1]:
        raise ValueError(
            "targets must be numbers of classes, one for each place of the predictions. "
            f"Received: y_true.shape={y_true.shape}, y_pred.shape={y_pred.shape}"
        )
    counted = None if ignore_class is None else targets != ignore_class
    labels = targets.astype(np.int64)
    if counted is not None:
        labels = np.where(counted, labels, 0)
    classes = y_pred.shape[-1]
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        wrong = labels[(labels < 0) | (labels >= classes)].flat[0]
        raise ValueError(
            f"targets must be between 0 and {classes - 1}, for {classes} classes. Received: {wrong}"
        )
    return labels, counted


def warn_of_single_class(y_pred: Array, name: str) -> None:
    """Warn of a categorical loss of one class, which is always the same."""
    if y_pred.ndim and y_pred.shape[-1] == 1:
        warnings.warn(
            f"{name} expects predictions of several classes. Received: "
            f"y_pred.shape={y_pred.shape}. For two classes there is binary_crossentropy.",
            SyntaxWarning,
            stacklevel=4,
        )
