"""Regularizers, constraints and channels in front: the options of convolutions, on real digits.

The digits are scikit-learn's, 1,797 images of 8 x 8 pixels.

Run it: python examples/layer_options.py
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from cnnfast import Sequential, constraints, regularizers
from cnnfast.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
from cnnfast.utils import set_random_seed, to_categorical

BRIGHTEST = 16


def load() -> list[np.ndarray]:
    """Split into images for training and the test, channels in front, then their digits."""
    digits = load_digits()
    images = (digits.images / BRIGHTEST)[:, np.newaxis]
    return train_test_split(
        images, to_categorical(digits.target), test_size=0.2, stratify=digits.target, random_state=0
    )


def build() -> Sequential:
    """Stack two convolutions with every option, a pooling and a softmax."""
    first = {"padding": "same", "activation": "relu", "data_format": "channels_first"}
    return Sequential(
        [
            Input(shape=(1, 8, 8)),
            Conv2D(
                32,
                (3, 3),
                kernel_initializer="he_uniform",
                kernel_regularizer=regularizers.L2(1e-4),
                kernel_constraint=constraints.MaxNorm(2.0, axis=[0, 1, 2]),
                **first,
            ),
            Conv2D(
                64,
                (3, 3),
                dilation_rate=(2, 2),
                bias_initializer="random_normal",
                bias_regularizer="l1",
                bias_constraint="non_neg",
                **first,
            ),
            MaxPooling2D((2, 2), strides=None, padding="valid", data_format="channels_first"),
            Flatten(data_format="channels_first"),
            Dense(10, activation="softmax"),
        ]
    )


def train(seed: int = 1, epochs: int = 12, verbose: int = 1) -> float:
    """Train a network.

    Args:
        seed: of weights and order.
        epochs: how many.
        verbose: as in `fit`.

    Returns:
        The share of the test's digits that it reads correctly.
    """
    set_random_seed(seed)
    images, test_images, labels, test_labels = load()
    model = build()
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, epochs=epochs, verbose=verbose)
    return model.evaluate(test_images, test_labels, verbose=0)[1]


def main() -> None:
    """Train and tell the accuracy."""
    print(f"{train():.1%} of the test's digits were read correctly.")


if __name__ == "__main__":
    main()
