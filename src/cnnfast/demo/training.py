"""A network that learns to read digits from scratch: what `cnnfast demo --train` does.

The held-out images of `load_digits` take no part in it. The last images of the rest are for
validation: they decide when the steps become smaller, when training ends, and which weights stay.
"""

from __future__ import annotations

import time
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnfast.callbacks import EarlyStopping, History, ReduceLROnPlateau
from cnnfast.demo.digits import Digits
from cnnfast.engine.input_layer import Input
from cnnfast.layers import Conv2D, Dense, Flatten, MaxPooling2D
from cnnfast.models import Sequential
from cnnfast.optimizers import Adam
from cnnfast.utils import PyDataset

SEED: Final = 1
VALIDATION_SHARE: Final = 0.15
BATCH_SIZE: Final = 64
MOST_EPOCHS: Final = 60
LEARNING_RATE: Final = 2e-3

# How much people's hands differ: standard deviations of an angle in radians, of the logarithm of a
# size, and of a place in pixels. In a five-fold cross-validation of the training images, 99.1 %
# are read correctly with them and 98.0 % without.
ANGLE, SIZE, PLACE = 0.1, 0.07, 0.4


class Lesson(NamedTuple):
    """How training went.

    Attributes:
        history: losses and accuracies of the epochs.
        images: number of different images that the network was trained on.
        seconds: how long it took, with the evaluations in between.
    """

    history: dict[str, list[float]]
    images: int
    seconds: float

    @property
    def epochs(self) -> int:
        """Number of epochs."""
        return len(self.history["loss"])

    @property
    def images_per_second(self) -> float:
        """Images a second that the network was trained on."""
        return self.images * self.epochs / self.seconds


class Handwriting(PyDataset):
    """Batches of images, turned, resized and moved a little, differently in each epoch.

    Args:
        digits: the images and labels.
        seed: of the order and of the changes.
    """

    def __init__(self, digits: Digits, seed: int) -> None:
        super().__init__()
        self._digits = digits
        self._random = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        """Write all digits once more."""
        order = self._random.permutation(len(self._digits.labels))
        self._images = rewritten(self._digits.images[order], self._random)
        self._labels = self._digits.labels[order]

    def __len__(self) -> int:
        return -(-len(self._labels) // BATCH_SIZE)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        part = slice(index * BATCH_SIZE, (index + 1) * BATCH_SIZE)
        return self._images[part], self._labels[part]


def rewritten(images: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Turn, resize and move each image at random, around its middle.

    Args:
        images: shape (N, H, W, 1), dark around.
        random: where chance comes from.

    Returns:
        Images of the same shape, pixels between those of `images` interpolated.
    """
    count, height, width, _ = images.shape
    angle, size, down, right = random.normal(
        0, np.array([ANGLE, SIZE, PLACE, PLACE])[:, None, None, None], (4, count, 1, 1)
    )
    along, across = np.exp(size) * np.cos(angle), np.exp(size) * np.sin(angle)
    rows = np.arange(height)[:, None] - (height - 1) / 2
    columns = np.arange(width) - (width - 1) / 2
    return interpolated(
        images[..., 0],
        along * rows - across * columns + down + (height - 1) / 2,
        across * rows + along * columns + right + (width - 1) / 2,
    )[..., None]


def interpolated(
    images: NDArray[np.float32], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Read images at places between their pixels, by bilinear interpolation.

    Args:
        images: shape (N, H, W); it is dark around them.
        rows: where to read, shape (N, P, Q).
        columns: likewise.

    Returns:
        float32, shape (N, P, Q).
    """
    count, height, width = images.shape
    framed = np.pad(images, ((0, 0), (1, 2), (1, 2)))
    rows, columns = np.clip(rows, -1, height) + 1, np.clip(columns, -1, width) + 1
    top, left = rows.astype(int), columns.astype(int)
    below, beside = rows - top, columns - left
    image = np.arange(count)[:, None, None]
    upper = (1 - beside) * framed[image, top, left] + beside * framed[image, top, left + 1]
    top += 1
    lower = (1 - beside) * framed[image, top, left] + beside * framed[image, top, left + 1]
    read: NDArray[np.float32] = ((1 - below) * upper + below * lower).astype(np.float32)
    return read


def build_network() -> Sequential:
    """Stack three convolutions, two poolings, a dense layer and a softmax over the ten digits."""
    return Sequential(
        [
            Input((8, 8, 1), name="image"),
            Conv2D(32, 3, padding="same", activation="relu", name="edges"),
            Conv2D(32, 3, padding="same", activation="relu", name="strokes"),
            MaxPooling2D(name="halve"),
            Conv2D(64, 3, padding="same", activation="relu", name="parts"),
            MaxPooling2D(name="quarter"),
            Flatten(name="flatten"),
            Dense(128, activation="relu", name="shapes"),
            Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )


def train(model: Sequential, digits: Digits, epochs: int = MOST_EPOCHS, verbose: int = 1) -> Lesson:
    """Train a network, stop when it learns nothing more, and give it its best epoch's weights.

    Args:
        model: from `build_network`.
        digits: from `load_training_digits`.
        epochs: the most there may be.
        verbose: as in `fit`.
    """
    model.compile(
        optimizer=Adam(LEARNING_RATE), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    border = round(len(digits.labels) * (1 - VALIDATION_SHARE))
    practice = Digits(digits.images[:border], digits.labels[:border])
    start = time.perf_counter()
    history: History = model.fit(
        Handwriting(practice, SEED),
        epochs=epochs,
        shuffle=False,
        validation_data=(digits.images[border:], digits.labels[border:]),
        callbacks=[
            ReduceLROnPlateau(factor=0.5, patience=4),
            EarlyStopping(patience=12, restore_best_weights=True),
        ],
        verbose=verbose,
    )
    return Lesson(history.history, border, time.perf_counter() - start)
