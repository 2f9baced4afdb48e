"""Record how Keras trains small models for 50 steps, for tests/training/test_trajectory.py.

Run with Keras 3 on its TensorFlow backend. Writes beside this file:

    training.json  a case a line: name, model and compile arguments as JSON, the losses of all
                   steps, the last evaluation, and the shapes of data and weights
    training.npz   `values`: inputs, targets, weights before and weights after each case, end to end

Inputs and first weights are random multiples of 1/64, which keeps the files small.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

SEED = 11
GRID = 64
STEPS = 50
BATCH = 8
BATCHES = 3
HERE = Path(__file__).parent

layers = keras.layers


def sequence() -> Any:
    """Build the article's classifier of sequences, shorter."""
    return [
        layers.Conv1D(6, 5, activation="relu"),
        layers.MaxPooling1D(4),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ]


def image() -> Any:
    """Build a classifier of images with padding, strides, penalties and constraints."""
    return [
        layers.Conv2D(4, 3, padding="same", activation="relu", kernel_regularizer="l2"),
        layers.MaxPooling2D(2),
        layers.Conv2D(6, (2, 3), strides=2, padding="same", activation="tanh"),
        layers.Flatten(),
        layers.Dense(5, activation="elu", kernel_constraint="max_norm"),
        layers.Dense(3, activation="softmax"),
    ]


def words() -> Any:
    """Build a classifier of words: embedding, dilation, global pooling."""
    return [
        layers.Embedding(12, 5),
        layers.Conv1D(4, 3, dilation_rate=2, padding="causal", activation="selu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(3),
    ]


def numbers() -> Any:
    """Build a regression on averages of windows that overlap."""
    return [
        layers.ZeroPadding1D(1),
        layers.Conv1D(6, 2, groups=2, activation="softplus"),
        layers.AveragePooling1D(3, strides=2, padding="same"),
        layers.Flatten(),
        layers.Dense(2, activation="gelu"),
    ]


def normalized() -> Any:
    """Build a classifier with batch normalization in most of the ways it comes.

    What stands before one has no bias, whose gradient would be all rounding.
    """
    return [
        layers.BatchNormalization(axis=1, momentum=0.5),
        layers.Conv2D(5, 3, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9, gamma_regularizer="l2"),
        layers.Activation("relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(6, 2, use_bias=False),
        layers.BatchNormalization(scale=False, epsilon=0.01),
        layers.Activation("gelu"),
        layers.BatchNormalization(trainable=False),
        layers.Flatten(),
        layers.Dense(7, use_bias=False),
        layers.BatchNormalization(center=False),
        layers.Dense(3, activation="softmax"),
    ]


def residual(inputs: Any) -> Any:
    """Build a residual block whose two branches are normalized, and that one layer's twice."""
    shared = layers.BatchNormalization(momentum=0.8)
    one = layers.Conv2D(6, 3, padding="same", use_bias=False)(inputs)
    one = layers.Activation("relu")(shared(one))
    one = shared(layers.Conv2D(6, 3, padding="same", use_bias=False)(one))
    two = layers.BatchNormalization()(layers.Conv2D(6, 1, use_bias=False)(inputs))
    added = layers.Activation("relu")(layers.Add()([one, two]))
    return layers.Dense(2)(layers.GlobalAveragePooling2D()(added))


def penalized() -> Any:
    """Build a classifier with penalties on what layers put out."""
    return [
        layers.Conv2D(4, 3, activation="relu", activity_regularizer="l2"),
        layers.Flatten(),
        layers.Dense(5, activation="tanh", activity_regularizer="l1"),
        layers.Dense(3, activation="softmax",
                     activity_regularizer=keras.regularizers.L1L2(0.02, 0.03)),
    ]  # fmt: skip


def branches(inputs: Any) -> Any:
    """Build a model whose branches are added and joined."""
    one = layers.Conv2D(4, 3, padding="same", activation="sigmoid")(inputs)
    two = layers.Conv2D(4, 1, activation="silu")(inputs)
    joined = layers.Concatenate()([layers.Add()([one, two]), inputs])
    return layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(joined))


CASES: list[tuple[str, Any, tuple[int, ...], str, dict[str, Any]]] = [
    ("sequence", sequence, (20, 1), "binary",
     {"optimizer": "adam", "loss": "binary_crossentropy"}),
    ("image", image, (9, 10, 2), "sparse",
     {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.05, "momentum": 0.9}},
      "loss": "sparse_categorical_crossentropy"}),
    ("words", words, (9,), "one_hot",
     {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.05}},
      "loss": {"class_name": "CategoricalCrossentropy",
               "config": {"from_logits": True, "label_smoothing": 0.1}}}),
    ("numbers", numbers, (11, 4), "real", {"optimizer": "adam", "loss": "mse"}),
    ("absolute", numbers, (11, 4), "real", {"optimizer": "rmsprop", "loss": "mae"}),
    ("clipped", numbers, (11, 4), "real",
     {"optimizer": {"class_name": "Adam", "config": {"global_clipnorm": 0.1}},
      "loss": "log_cosh"}),
    ("normalized", normalized, (8, 6, 2), "sparse",
     {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.05, "momentum": 0.9}},
      "loss": "sparse_categorical_crossentropy"}),
    ("penalized", penalized, (6, 5, 2), "sparse",
     {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.05}},
      "loss": "sparse_categorical_crossentropy"}),
    ("penalized_in_numpy", penalized, (6, 5, 2), "one_hot",
     {"optimizer": "adam", "loss": "log_cosh"}),
    ("residual", residual, (5, 6, 3), "real", {"optimizer": "rmsprop", "loss": "mse"}),
    ("branches", branches, (5, 6, 3), "one_hot",
     {"optimizer": "adamw", "loss": "categorical_crossentropy"}),
]  # fmt: skip


def on_grid(random: np.random.Generator, shape: tuple[int, ...], scale: float) -> np.ndarray:
    """Draw normal numbers and round them to multiples of 1 / GRID."""
    numbers = np.round(random.standard_normal(shape) * scale * GRID) / GRID
    return numbers.astype(np.float32)


def targets(random: np.random.Generator, kind: str, count: int) -> np.ndarray:
    """Draw targets of a kind."""
    if kind == "real":
        return on_grid(random, (count, 2), 1.0)
    if kind == "positive":
        return np.abs(on_grid(random, (count, 2), 1.0)) + 0.5
    labels = random.integers(0, 2 if kind == "binary" else 3, count)
    return np.eye(3, dtype=np.float32)[labels] if kind == "one_hot" else labels.astype(np.float32)


def is_of_words(make: Any) -> bool:
    """Tell whether a network's inputs are numbers of words."""
    return "words" in make.__name__


def build(make: Any, shape: tuple[int, ...]) -> Any:
    """Build a model of layers, or of what a function makes of its input."""
    if inspect.signature(make).parameters:
        inputs = layers.Input(shape)
        return keras.Model(inputs, make(inputs))
    dtype = "int32" if is_of_words(make) else "float32"
    return keras.Sequential([layers.Input(shape, dtype=dtype), *make()])


def record(case: Any, arrays: list[np.ndarray]) -> dict[str, Any]:
    """Train one model and note what happens."""
    name, make, shape, kind, arguments = case
    keras.utils.clear_session()
    random = np.random.default_rng([SEED, *name.encode()])
    model = build(make, shape)
    count = BATCH * BATCHES
    x = on_grid(random, (count, *shape), 1.0)
    if is_of_words(make):
        x = random.integers(0, 12, (count, *shape)).astype(np.float32)
    y = targets(random, kind, count)
    before = [on_grid(random, tuple(weight.shape), 0.3) for weight in model.weights]
    for index, weight in enumerate(model.weights):
        if "variance" in weight.path or "stddev" in weight.path:
            before[index] = np.abs(before[index]) + 0.5
    model.set_weights(before)
    model.compile(**{key: parsed(key, value) for key, value in arguments.items()})
    losses = []
    for step in range(STEPS):
        rows = slice(step % BATCHES * BATCH, (step % BATCHES + 1) * BATCH)
        losses.append(float(model.train_on_batch(x[rows], y[rows])))
        model.reset_metrics()
    after = model.get_weights()
    arrays += [x, y, *before, *after]
    return {
        "name": name,
        "model": json.loads(model.to_json()),
        "arguments": arguments,
        "losses": losses,
        "evaluation": float(model.evaluate(x, y, batch_size=BATCH, verbose=0)),
        "x": x.shape,
        "y": y.shape,
        "weights": [weight.shape for weight in before],
    }


def parsed(key: str, value: Any) -> Any:
    """Make the object that a dict describes."""
    if not isinstance(value, dict):
        return value
    return (keras.optimizers if key == "optimizer" else keras.losses).deserialize(value)


def write(name: str, cases: Any) -> None:
    """Record all cases in files of a name."""
    arrays: list[np.ndarray] = []
    records = [record(case, arrays) for case in cases]
    lines = ",\n".join(json.dumps(one) for one in records)
    (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n")
    values = np.concatenate([array.ravel() for array in arrays]).astype(np.float32)
    np.savez_compressed(HERE / f"{name}.npz", values=values)


if __name__ == "__main__":
    write("training", CASES)
