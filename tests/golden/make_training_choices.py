"""Record how Keras trains a small network with each loss, regularizer and constraint.

Run with Keras 3 on its TensorFlow backend. Writes training_choices.json and .npz beside this
file, as make_training.py describes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import make_training

layers = keras.layers
SLOW = {"class_name": "SGD", "config": {"learning_rate": 0.02}}

# Units and activation of the last layer, and targets, that suit a loss.
REAL = (2, None, "real")
POSITIVE = (2, "softplus", "positive")
BINARY = (1, "sigmoid", "binary")
SIGNED = (1, "tanh", "binary")
ONE_HOT = (3, "softmax", "one_hot")
LABELS = (3, "softmax", "sparse")

# All that Keras finds by name: not the generalized crossentropy.
LOSSES = {
    "mean_squared_error": REAL,
    "mean_absolute_error": REAL,
    "mean_absolute_percentage_error": POSITIVE,
    "mean_squared_logarithmic_error": POSITIVE,
    "huber": REAL,
    "log_cosh": REAL,
    # Of vectors that cannot get short, which would make its slope steep and roundings large.
    "cosine_similarity": ONE_HOT,
    "poisson": POSITIVE,
    "hinge": SIGNED,
    "squared_hinge": SIGNED,
    "binary_crossentropy": BINARY,
    "binary_focal_crossentropy": BINARY,
    "categorical_crossentropy": ONE_HOT,
    "categorical_focal_crossentropy": ONE_HOT,
    "categorical_hinge": ONE_HOT,
    "sparse_categorical_crossentropy": LABELS,
    "kl_divergence": ONE_HOT,
    "dice": ONE_HOT,
    "tversky": ONE_HOT,
}

REGULARIZERS = {
    "L1": keras.regularizers.L1(0.01),
    "L2": keras.regularizers.L2(0.01),
    "L1L2": keras.regularizers.L1L2(0.01, 0.02),
    "orthogonal_rows": keras.regularizers.OrthogonalRegularizer(0.01),
    "orthogonal_columns": keras.regularizers.OrthogonalRegularizer(0.01, mode="columns"),
}

CONSTRAINTS = {
    "MaxNorm": keras.constraints.MaxNorm(0.4),
    "MinMaxNorm": keras.constraints.MinMaxNorm(0.3, 0.5, rate=0.7, axis=1),
    "NonNeg": keras.constraints.NonNeg(),
    "UnitNorm": keras.constraints.UnitNorm(axis=1),
}


def network(units: int = 2, activation: Any = None, **options: Any) -> Any:
    """Return a function that makes the layers."""
    return lambda: [
        layers.Dense(5, activation="tanh", **options),
        layers.Dense(units, activation=activation),
    ]


def cases() -> Iterator[tuple[str, Any, tuple[int, ...], str, dict[str, Any]]]:
    """Yield what `make_training.record` takes."""
    for name, (units, activation, kind) in LOSSES.items():
        arguments = {"optimizer": SLOW, "loss": name}
        yield name, network(units, activation), (4,), kind, arguments
    arguments = {"optimizer": SLOW, "loss": "mse"}
    for name, regularizer in REGULARIZERS.items():
        yield name, network(kernel_regularizer=regularizer), (4,), "real", arguments
    for name, constraint in CONSTRAINTS.items():
        options = {"kernel_constraint": constraint, "bias_constraint": keras.constraints.NonNeg()}
        yield name, network(**options), (4,), "real", arguments


if __name__ == "__main__":
    make_training.write("training_choices", cases())
