"""Tell from a series of 50 steps whether it ended above its beginning.

The data are made by chance. The mean without the first step is larger than the mean without the
last one exactly where the last step is larger than the first, so that a network must find two
steps out of fifty; its pooling makes that harder, and few epochs do not get it far.

Run it: python examples/prices.py
"""

from __future__ import annotations

import numpy as np

from cnnfast.layers import Conv1D, Dense, Flatten, MaxPooling1D
from cnnfast.models import Sequential
from cnnfast.utils import set_random_seed

STEPS = 50
SERIES = 1000


def make_series(count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw series, shape (count, STEPS, 1), and whether they rose, shape (count, 1)."""
    series = random.normal(size=(count, STEPS, 1))
    rose = series[:, 1:].mean(axis=1) > series[:, :-1].mean(axis=1)
    return series, rose.astype("float32")


def build() -> Sequential:
    """Stack a convolution, a pooling and a yes or no."""
    model = Sequential()
    model.add(Conv1D(filters=16, kernel_size=5, activation="relu", input_shape=(STEPS, 1)))
    model.add(MaxPooling1D(4))
    model.add(Flatten())
    model.add(Dense(1, activation="sigmoid"))
    return model


def train(seed: int = 1, epochs: int = 10, verbose: int = 2) -> float:
    """Train a network.

    Args:
        seed: of weights, order and data.
        epochs: how many.
        verbose: as in `fit`.

    Returns:
        The share of its own series that it gets right; there are too few to learn the rule from.
    """
    set_random_seed(seed)
    series, rose = make_series(SERIES, np.random.default_rng(seed))
    model = build()
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["acc"])
    history = model.fit(series, rose, epochs=epochs, batch_size=32, verbose=verbose)
    return history.history["acc"][-1]


def main() -> None:
    """Train and tell the accuracy."""
    print(f"{train():.1%} of the series were told right in the last epoch.")


if __name__ == "__main__":
    main()
