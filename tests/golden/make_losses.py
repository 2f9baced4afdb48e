"""Ask Keras on TensorFlow what losses give, and keep it in losses.json.

Run in an environment that has Keras and TensorFlow:

    KERAS_BACKEND=tensorflow python tests/golden/make_losses.py

For each loss: the values, the loss with and without weights, and its gradient by the predictions.
Where an activation is named, the gradient is by its inputs, through both.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import losses
from shortened import shortened

SEED = 11
SAMPLES, CLASSES = 5, 4


def numbers(stream: np.random.RandomState, *shape: int) -> np.ndarray:
    """Draw multiples of 1/64 around 0, none of them 0."""
    drawn = stream.randint(1, 160, shape) / 64 * stream.choice([-1, 1], shape)
    return drawn.astype("float32")


def probabilities(stream: np.random.RandomState, *shape: int) -> np.ndarray:
    """Draw rows of a sum near 1."""
    drawn = stream.randint(1, 64, shape).astype("float32")
    return np.round(drawn / drawn.sum(-1, keepdims=True) * 1024) / np.float32(1024)


def one_hot(stream: np.random.RandomState, *shape: int) -> np.ndarray:
    """Draw a class for each row."""
    return np.eye(shape[-1], dtype="float32")[stream.randint(0, shape[-1], shape[:-1])]


def cases() -> list[tuple[Any, str, str, str | None]]:
    """List (loss, kind of targets, kind of predictions, activation)."""
    regression = [
        losses.MeanSquaredError(),
        losses.MeanAbsoluteError(),
        losses.MeanAbsolutePercentageError(),
        losses.Huber(),
        losses.Huber(0.5),
        losses.LogCosh(),
        losses.CosineSimilarity(),
        losses.CosineSimilarity(axis=0),
    ]
    binary = [
        losses.BinaryCrossentropy(),
        losses.BinaryCrossentropy(label_smoothing=0.1),
        losses.BinaryFocalCrossentropy(),
        losses.BinaryFocalCrossentropy(True, 0.4, 3.0, label_smoothing=0.2),
        losses.Dice(),
        losses.Dice(axis=-1),
        losses.Tversky(0.3, 0.6),
        losses.Tversky(axis=(1,)),
    ]
    categorical = [
        losses.CategoricalCrossentropy(),
        losses.CategoricalCrossentropy(label_smoothing=0.1),
        losses.CategoricalFocalCrossentropy(),
        losses.CategoricalFocalCrossentropy(alpha=0.5, gamma=1.5, label_smoothing=0.1),
        losses.KLDivergence(),
    ]
    return [
        *((loss, "numbers", "numbers", None) for loss in regression),
        (losses.MeanSquaredLogarithmicError(), "positive", "numbers", None),
        (losses.Poisson(), "positive", "positive", None),
        *((loss, "binary", "probabilities", None) for loss in binary),
        *((loss, "one_hot", "probabilities", None) for loss in categorical),
        (losses.KLDivergence(), "probabilities", "probabilities", None),
        (losses.Hinge(), "binary", "numbers", None),
        (losses.SquaredHinge(), "signs", "numbers", None),
        (losses.CategoricalHinge(), "one_hot", "numbers", None),
        (losses.BinaryCrossentropy(from_logits=True), "binary", "numbers", None),
        (losses.BinaryFocalCrossentropy(from_logits=True), "binary", "numbers", None),
        (losses.CategoricalCrossentropy(from_logits=True), "one_hot", "numbers", None),
        (losses.CategoricalFocalCrossentropy(from_logits=True), "one_hot", "numbers", None),
        (losses.SparseCategoricalCrossentropy(), "classes", "probabilities", None),
        (losses.SparseCategoricalCrossentropy(True), "classes", "numbers", None),
        (losses.SparseCategoricalCrossentropy(True, 1), "classes", "numbers", None),
        (losses.CategoricalGeneralizedCrossEntropy(0.7), "classes", "probabilities", None),
        (losses.BinaryCrossentropy(), "binary", "large", "sigmoid"),
        (losses.BinaryCrossentropy(label_smoothing=0.1), "binary", "large", "sigmoid"),
        (losses.CategoricalCrossentropy(), "one_hot", "large", "softmax"),
        (losses.SparseCategoricalCrossentropy(), "classes", "large", "softmax"),
    ]


def draw(kind: str, stream: np.random.RandomState, shape: tuple[int, ...]) -> np.ndarray:
    """Draw targets or predictions of a kind."""
    draws = {
        "numbers": lambda: numbers(stream, *shape),
        "large": lambda: 16 * numbers(stream, *shape),
        "positive": lambda: np.abs(numbers(stream, *shape)),
        "probabilities": lambda: probabilities(stream, *shape),
        "binary": lambda: stream.randint(0, 2, shape).astype("float32"),
        "signs": lambda: 2.0 * stream.randint(0, 2, shape).astype("float32") - 1.0,
        "one_hot": lambda: one_hot(stream, *shape),
        "classes": lambda: stream.randint(0, shape[-1], shape[:-1]),
    }
    return draws[kind]()


def evaluated(
    loss: Any, y_true: np.ndarray, y_pred: np.ndarray, activation: str | None, weights: Any
) -> tuple[float, list[Any]]:
    """Ask for a loss and its gradient."""
    variable = tf.Variable(y_pred)
    with tf.GradientTape() as tape:
        outputs = getattr(keras.activations, activation)(variable) if activation else variable
        value = loss(y_true, outputs, sample_weight=weights)
    return float(value), tape.gradient(value, variable).numpy().tolist()


def case(
    loss: Any, targets: str, predictions: str, activation: str | None, shape: tuple[int, ...]
) -> dict[str, Any]:
    """Ask for all that is to be known of a loss."""
    stream = np.random.RandomState(SEED)
    y_true, y_pred = draw(targets, stream, shape), draw(predictions, stream, shape)
    value, gradient = evaluated(loss, y_true, y_pred, activation, None)
    outputs = getattr(keras.activations, activation)(y_pred) if activation else y_pred
    values = np.asarray(loss.call(y_true, outputs))
    weights = np.asarray(stream.randint(0, 8, values.shape) / 4, "float32")
    weighted, weighted_gradient = evaluated(loss, y_true, y_pred, activation, weights)
    return {
        "object": losses.serialize(loss),
        "options": dict(loss._fn_kwargs),
        "activation": activation,
        "y_true": y_true.tolist(),
        "y_pred": y_pred.tolist(),
        "weights": weights.tolist(),
        "values": values.tolist(),
        "value": value,
        "gradient": gradient,
        "weighted": weighted,
        "weighted_gradient": weighted_gradient,
    }


def main() -> None:
    """Write one case per line."""
    shapes = ((SAMPLES, CLASSES), (2, 3, CLASSES))
    found = [case(*settings, shape) for settings in cases() for shape in shapes]
    lines = ",\n".join(json.dumps(shortened(one)) for one in found)
    text = f'{{"keras_version": "{keras.__version__}",\n"cases": [\n{lines}\n]}}\n'
    Path(__file__).with_name("losses.json").write_text(text)


if __name__ == "__main__":
    main()
