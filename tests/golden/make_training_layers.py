"""Record how Keras trains models of many layers, as make_training.py does.

Run with Keras 3 on its TensorFlow backend. Writes training_layers.json and training_layers.npz
beside this file, which have the form of training.json and training.npz.
"""

from __future__ import annotations

from typing import Any

import keras
import make_training

layers = keras.layers


def mobile(inputs: Any) -> Any:
    """Build depthwise and separable convolutions, frozen statistics, and a gate for channels."""
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)(inputs)
    x = layers.BatchNormalization(trainable=False)(x)
    x = layers.ReLU(6.0)(x)
    x = layers.Conv2D(5, 1, use_bias=False)(x)
    x = layers.SeparableConv2D(6, (3, 2), padding="same", depth_multiplier=2, activation="silu")(x)
    x = layers.DepthwiseConv2D(5, padding="same", activation="tanh")(x)
    squeezed = layers.Dense(3, activation="relu")(layers.GlobalAveragePooling2D()(x))
    gates = layers.Dense(6, activation="hard_sigmoid")(squeezed)
    x = layers.Multiply()([x, layers.Reshape((1, 1, 6))(gates)])
    return layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling2D()(x))


def merged(inputs: Any) -> Any:
    """Build all merges, leaky lines that share slopes, and inputs that are stretched."""
    one = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(4, 3, padding="same")(inputs))
    two = layers.PReLU(shared_axes=[2])(layers.Conv2D(4, 2, padding="same", groups=2)(inputs))
    three = layers.Conv2D(4, 3, padding="same", dilation_rate=2, activation="softsign")(inputs)
    row = layers.Conv2D(4, (5, 1), activation="mish")(inputs)
    most = layers.Maximum()([one, two, three])
    least = layers.Minimum()([one, three, row])
    product = layers.Multiply()([one, two, three])
    mean = layers.Average()([layers.Subtract()([most, least]), product, row])
    joined = layers.Concatenate(axis=1)([mean, layers.Cropping2D(((2, 0), (0, 0)))(two)])
    return layers.Dense(2)(layers.Flatten()(joined))


def enlarged(inputs: Any) -> Any:
    """Build images made smaller and larger again."""
    small = layers.MaxPooling2D(2)(layers.Conv2D(4, 3, padding="same")(inputs))
    deep = layers.AveragePooling2D(2, padding="same")(layers.Conv2D(5, 2, activation="elu")(small))
    smooth = layers.UpSampling2D((2, 3), interpolation="bilinear")(deep)
    coarse = layers.UpSampling2D(2)(layers.ZeroPadding2D(((0, 0), (0, 1)))(small))
    coarse = layers.Cropping2D(((1, 3), (2, 4)))(coarse)
    x = layers.Concatenate()([smooth, coarse])
    x = layers.SeparableConv2D(3, 3, strides=2, activation="gelu")(x)
    return layers.Dense(2)(layers.GlobalAveragePooling2D()(x))


def rows(inputs: Any) -> Any:
    """Build sequences with functions of whole rows, along both axes."""
    x = layers.SeparableConv1D(3, 3, padding="same", activation="squareplus")(inputs)
    x = layers.DepthwiseConv1D(3, dilation_rate=2, padding="same", depth_multiplier=2)(x)
    steps = layers.Softmax(axis=1)(x)
    x = layers.Concatenate()([steps, layers.Activation("log_softmax")(x)])
    x = layers.UpSampling1D(2)(layers.Cropping1D((1, 2))(x))
    x = layers.Permute((2, 1))(x)
    x = layers.Dense(5, activation="softmax")(x)
    x = layers.ELU(0.5)(layers.LeakyReLU(0.2)(layers.AveragePooling1D(2)(x)))
    return layers.Dense(2)(layers.Flatten()(x))


SLOW = {"class_name": "SGD", "config": {"learning_rate": 0.05, "momentum": 0.9}}
CASES: list[tuple[str, Any, tuple[int, ...], str, dict[str, Any]]] = [
    ("mobile", mobile, (9, 8, 3), "sparse",
     {"optimizer": SLOW, "loss": "sparse_categorical_crossentropy"}),
    ("merged", merged, (5, 4, 2), "real",
     {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.01}}, "loss": "mse"}),
    ("enlarged", enlarged, (8, 10, 2), "real", {"optimizer": "adam", "loss": "mse"}),
    ("rows", rows, (11, 4), "real", {"optimizer": SLOW, "loss": "mse"}),
]  # fmt: skip


if __name__ == "__main__":
    make_training.write("training_layers", CASES)
