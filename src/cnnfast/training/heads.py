"""Which losses the native side computes, and what they are fed with."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cnnfast.engine.heads import Head
from cnnfast.losses import Loss, LossFunction
from cnnfast.losses.loss import MEANS

Array = NDArray[Any]

# By Keras's names of the functions: the kind of loss, and the activation it must stand behind.
KINDS: Final[dict[str, tuple[Any, str | None]]] = {
    "sparse_categorical_crossentropy": ("sparse", "softmax"),
    "categorical_crossentropy": ("categorical", "softmax"),
    "binary_crossentropy": ("binary", "sigmoid"),
    "mean_squared_error": ("squared", None),
    "mean_absolute_error": ("absolute", None),
}
OPTIONS: Final = {"from_logits", "label_smoothing", "axis", "ignore_class"}


def head_of(loss: Loss | None, activation: str | None) -> Head | None:
    """Say how a loss is computed.

    Args:
        loss: of one output; None if it has none.
        activation: "softmax" or "sigmoid" where that makes the output, else None.

    Returns:
        A head whose kind is None where NumPy computes the loss between two runs, forward and
        backward: losses without a kernel, probabilities that no softmax or sigmoid makes, and
        what masks or reduces in an unusual way. None without a loss.
    """
    if loss is None:
        return None
    function, options = getattr(loss, "fn", None), getattr(loss, "options", {})
    name = getattr(function, "__name__", "")
    is_usual = (
        isinstance(function, LossFunction)
        and name in KINDS
        and (loss.reduction in MEANS or loss.reduction == "sum")
        and options.keys() <= OPTIONS
        and options.get("axis", -1) == -1
        and options.get("ignore_class") is None
    )
    if not is_usual:
        return Head(None)
    kind, wanted = KINDS[name]
    smoothing = float(options.get("label_smoothing") or 0.0)
    if wanted is None or options.get("from_logits"):
        return Head(kind, smoothing)
    return Head(kind, smoothing, wanted) if activation == wanted else Head(None)


def given_targets(loss: Loss, targets: Array | None) -> Array:
    """Make sure that there are targets.

    Args:
        loss: that needs them.
        targets: of a batch.

    Raises:
        ValueError: there are none.
    """
    if targets is None:
        raise ValueError(f"Loss '{loss.name}' needs targets. Received: y=None")
    return targets


def native_targets(head: Head, loss: Loss, targets: Array | None, shape: tuple[int, ...]) -> Array:
    """Give targets the type and shape that the kernel takes.

    Args:
        head: with a kind.
        loss: for errors.
        targets: of a batch, as the user gave them.
        shape: of the output, the batch axis included.

    Raises:
        ValueError: the shape does not fit, or a label is no class.
    """
    targets = check_targets(head, loss, targets, shape[1:])
    is_sparse = head.kind == "sparse"
    expected = shape[:-1] if is_sparse else shape
    dtype = np.int32 if is_sparse else np.float32
    return np.require(targets.reshape(expected), dtype, ("C", "A"))


def check_targets(head: Head, loss: Loss, targets: Array | None, shape: tuple[int, ...]) -> Array:
    """Make sure that targets fit an output.

    Args:
        head: of the output.
        loss: for errors.
        targets: of any number of samples.
        shape: of the output, without the batch axis.

    Returns:
        The targets.

    Raises:
        ValueError: there are none, the shape does not fit, or a label is no class.
    """
    targets = given_targets(loss, targets)
    if head.kind is None:
        return targets
    shape = (len(targets), *shape)
    expected = shape[:-1] if head.kind == "sparse" else shape
    if targets.shape not in (expected, (*expected, 1)) and (*targets.shape, 1) != expected:
        raise ValueError(
            f"Loss '{loss.name}' expects targets of the shape {expected} for outputs of the shape "
            f"{shape}. Received: targets of the shape {targets.shape}."
            f"{_advice(head, targets, shape)}"
        )
    if head.kind == "sparse" and targets.size:
        _check_labels(loss, targets, shape)
    return targets


def _advice(head: Head, targets: Array, shape: tuple[int, ...]) -> str:
    """Name the loss that suits the targets."""
    if head.kind == "sparse" and targets.shape == shape:
        return " For a row of numbers for each sample take 'categorical_crossentropy'"
    if head.kind == "categorical" and targets.shape in (shape[:-1], (*shape[:-1], 1)):
        return " For class numbers take 'sparse_categorical_crossentropy'"
    return ""


def _check_labels(loss: Loss, labels: Array, shape: tuple[int, ...]) -> None:
    if labels.min() >= 0 and labels.max() < shape[-1]:
        return
    wrong = labels[~((labels >= 0) & (labels < shape[-1]))].flat[0]
    raise ValueError(
        f"Loss '{loss.name}' expects labels from 0 to {shape[-1] - 1} for outputs of the "
        f"shape {shape}. Received: {wrong}"
    )


def native_scales(loss: Loss, weights: Array | None, rows: tuple[int, ...]) -> Array:
    """Say what the loss of each row is multiplied by.

    Args:
        loss: with one of the usual reductions.
        weights: of the samples, or of the rows; None for 1.
        rows: shape of the outputs without their last axis, the batch axis first.

    Raises:
        ValueError: the weights do not fit.
    """
    if weights is None:
        places = 1 if loss.reduction == "sum" else max(1, int(np.prod(rows)))
        return np.full(rows, 1.0 / places, np.float32)
    given = np.asarray(weights, np.float32)
    if given.ndim > len(rows) and given.shape[-1] == 1:
        given = given[..., 0]
    if given.shape != rows[: given.ndim]:
        or_places = f", or for each of their {rows[1:]} places" if rows[1:] else ""
        raise ValueError(
            f"`sample_weight` must have one weight for each of the {rows[0]} samples{or_places}. "
            f"Received: weights of the shape {given.shape}"
        )
    spread = np.broadcast_to(given.reshape(*given.shape, *(1,) * (len(rows) - given.ndim)), rows)
    count: float = 1 if loss.reduction == "sum" else max(1, spread.size)
    if loss.reduction == "mean_with_sample_weight":
        count = float(spread.sum()) or 1.0
    return np.ascontiguousarray(spread / np.float32(count), np.float32)
