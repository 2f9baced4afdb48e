"""Record how Keras trains models with masks and calls that say `training=`.

Run with Keras 3 on its TensorFlow backend. Writes training_modes.json and training_modes.npz
beside this file, which have the form of training.json and training.npz (see make_training.py).

Keras's documentation puts the argument of a call before that of the model around it, and so did
Keras 2. Functional models of Keras 3 turn that round (keras#20285); what is recorded here is what
the documentation says.
"""

from __future__ import annotations

from typing import Any

import keras
import make_training
from keras.src.models import functional

layers = keras.layers


def documented(operation: Any, **context: Any) -> Any:
    """Let a call's own arguments come first, in place of Keras's function of this purpose."""

    def call(*args: Any, **kwargs: Any) -> Any:
        for name, value in context.items():
            if name in getattr(operation, "_call_context_args", {}) and kwargs.get(name) is None:
                kwargs[name] = value
        return operation(*args, **kwargs)

    return call


def transfer(inputs: Any) -> Any:
    """Build a classifier on a model whose statistics stay as they are, though it trains."""
    base = layers.Input((8, 6, 3))
    x = layers.Conv2D(4, 3, use_bias=False)(base)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    x = layers.BatchNormalization(axis=1, scale=False)(layers.Dropout(0.5)(x))
    base_model = keras.Model(base, layers.BatchNormalization(center=False)(x))
    x = layers.Conv2D(5, 2, use_bias=False)(base_model(inputs, training=False))
    x = layers.BatchNormalization()(x)
    return layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x))


def both_ways(inputs: Any) -> Any:
    """Build a layer that one call moves and another does not."""
    shared = layers.BatchNormalization(momentum=0.7)
    fixed = shared(layers.Conv2D(3, 2, use_bias=False)(inputs), training=False)
    moved = shared(layers.Conv2D(3, 2, use_bias=False)(inputs))
    added = layers.Add()([fixed, layers.Activation("tanh")(moved)])
    return layers.Dense(2)(layers.GlobalAveragePooling2D()(added))


def masked_words() -> Any:
    """Build a classifier of words whose statistics leave padding out, with layers in between."""
    return [
        layers.Embedding(12, 5, mask_zero=True),
        layers.BatchNormalization(momentum=0.6),
        layers.Dense(4, activation="tanh"),
        layers.BatchNormalization(scale=False),
        layers.Conv1D(4, 2, activation="relu"),
        layers.BatchNormalization(),
        layers.GlobalMaxPooling1D(),
        layers.Dense(3, activation="softmax"),
    ]


def masked_sequences(inputs: Any) -> Any:
    """Build a regression on sequences with masks that end, are joined and go into a model."""
    one = layers.Masking()(layers.ReLU()(layers.ZeroPadding1D((0, 3))(inputs)))
    two = layers.Masking()(layers.ReLU(threshold=1.0)(layers.ZeroPadding1D((2, 1))(inputs)))
    inner = layers.Input((11, 3))
    normalized = layers.BatchNormalization()(layers.Dense(4, use_bias=False)(inner))
    either = keras.Model(inner, normalized)(layers.Add()([one, two]))
    joined = layers.Concatenate(axis=1)([one, two])
    joined = layers.BatchNormalization(center=False, momentum=0.9)(joined)
    ended = layers.BatchNormalization()(layers.Flatten()(layers.Concatenate()([one, two])))
    x = layers.Concatenate()([layers.Flatten()(either), layers.Flatten()(joined), ended])
    return layers.Dense(2)(x)


def renormalized() -> Any:
    """Build a classifier whose normalizations are corrected, with and without bounds."""
    bounds = {"rmin": 0.7, "rmax": 1.4, "dmax": 0.3}
    return [
        layers.BatchNormalization(renorm=True, axis=1, momentum=0.8),
        layers.Conv2D(5, 3, use_bias=False),
        layers.BatchNormalization(renorm=True, renorm_clipping=bounds, renorm_momentum=0.9),
        layers.Activation("relu"),
        layers.BatchNormalization(renorm=True, center=False),
        layers.Flatten(),
        layers.Dense(6, use_bias=False),
        layers.BatchNormalization(renorm=True, scale=False, renorm_clipping={"rmax": 1.1}),
        layers.Dense(3, activation="softmax"),
    ]


SLOW = {"class_name": "SGD", "config": {"learning_rate": 0.05, "momentum": 0.9}}
CASES: list[tuple[str, Any, tuple[int, ...], str, dict[str, Any]]] = [
    ("transfer", transfer, (8, 6, 3), "sparse",
     {"optimizer": SLOW, "loss": "sparse_categorical_crossentropy"}),
    ("masked_words", masked_words, (9,), "sparse",
     {"optimizer": SLOW, "loss": "sparse_categorical_crossentropy"}),
    ("masked_sequences", masked_sequences, (8, 3), "real",
     {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.01}}, "loss": "mse"}),
    ("renormalized", renormalized, (6, 5, 2), "sparse",
     {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.05}},
      "loss": "sparse_categorical_crossentropy"}),
    ("both_ways", both_ways, (4, 5, 2), "real", {"optimizer": "adam", "loss": "mse"}),
]  # fmt: skip


if __name__ == "__main__":
    functional.operation_fn = documented
    make_training.write("training_modes", CASES)
