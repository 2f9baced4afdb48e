"""The networks of tutorials and of the races' own, as a user of cnnfast writes them."""

from __future__ import annotations

from typing import Any

import cnnfast
from cnnfast import layers


def seed1d() -> Any:
    """Build the network of eight numbers that the first tutorial detects lines in."""
    return cnnfast.Sequential([
        cnnfast.Input((8, 1)),
        layers.Conv1D(1, 3, activation="relu"),
        layers.MaxPooling1D(2),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def seed2d() -> Any:
    """Build the 4 x 4 image network of the tutorials."""
    return cnnfast.Sequential([
        cnnfast.Input((4, 4, 1)),
        layers.Conv2D(1, (3, 3), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def stock() -> Any:
    """Build the sequence classifier of 50 steps."""
    return cnnfast.Sequential([
        cnnfast.Input((50, 1)),
        layers.Conv1D(16, 5, activation="relu"),
        layers.MaxPooling1D(4),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def imdb() -> Any:
    """Build the text classifier: 20,000 words, 100 a review."""
    return cnnfast.Sequential([
        cnnfast.Input((100,), dtype="int32"),
        layers.Embedding(20000, 128),
        layers.Conv1D(32, 7, activation="relu"),
        layers.MaxPooling1D(5),
        layers.Conv1D(32, 7, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def mnist() -> Any:
    """Build the small convolutional network that every introduction trains on MNIST."""
    return cnnfast.Sequential([
        cnnfast.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ])  # fmt: skip


def cifar() -> Any:
    """Build three pairs of 3 x 3 convolutions with pooling between, and two dense layers."""
    model = cnnfast.Sequential([cnnfast.Input((32, 32, 3))])
    for filters in (32, 64, 128):
        for _ in range(2):
            model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    return model


def audio() -> Any:
    """Build a classifier of one second of sound: strides first, then ever wider dilations."""
    model = cnnfast.Sequential([cnnfast.Input((16000, 1))])
    for filters, length in ((16, 64), (32, 16), (64, 8)):
        model.add(layers.Conv1D(filters, length, strides=4, padding="same", activation="relu"))
    for dilation in (1, 2, 4, 8):
        model.add(layers.Conv1D(64, 3, padding="causal", dilation_rate=dilation, activation="relu"))
    model.add(layers.GlobalAveragePooling1D())
    model.add(layers.Dense(35, activation="softmax"))
    return model


def resnet50() -> Any:
    """Build the network of residual blocks on images of 224 x 224, stride in the first 1 x 1."""
    image = cnnfast.Input((224, 224, 3))
    x = layers.Conv2D(64, 7, strides=2, padding="same")(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
    for filters, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            x = residual_block(x, filters, first=block == 0, strides=1 if filters == 64 else 2)
    x = layers.GlobalAveragePooling2D()(x)
    return cnnfast.Model(image, layers.Dense(1000, activation="softmax")(x))


def residual_block(x: Any, filters: int, first: bool, strides: int) -> Any:
    """Narrow, convolve and widen; add what came in, in the shape of what comes out."""
    short = x
    if first:
        short = layers.Conv2D(4 * filters, 1, strides=strides)(x)
        short = layers.BatchNormalization()(short)
    for size, step in ((1, strides if first else 1), (3, 1)):
        x = layers.Conv2D(filters, size, strides=step, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.BatchNormalization()(layers.Conv2D(4 * filters, 1)(x))
    return layers.ReLU()(layers.Add()([short, x]))
