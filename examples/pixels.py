"""Train a network of twelve weights on two images, and check its answer by hand.

Run it: python examples/pixels.py
"""

from __future__ import annotations

import numpy as np

from cnnfast.layers import Conv2D, Dense, Flatten, MaxPooling2D
from cnnfast.models import Sequential
from cnnfast.utils import set_random_seed

BRIGHTEST = 9
IMAGES = (
    np.array(
        [
            [[1, 2, 3, 3], [2, 3, 4, 5], [4, 5, 6, 7], [1, 3, 4, 6]],
            [[-1, 2, 3, -5], [2, -2, 4, 5], [-3, 5, -4, 9], [-1, -3, -2, -5]],
        ]
    ).reshape(-1, 4, 4, 1)
    / BRIGHTEST
)
HAS_NEGATIVES = np.array([0, 1])


def build() -> Sequential:
    """Stack a convolution with one filter, a pooling over all of it, and a sigmoid."""
    model = Sequential()
    model.add(Conv2D(1, (3, 3), input_shape=(4, 4, 1), activation="relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Flatten())
    model.add(Dense(1, activation="sigmoid"))
    return model


def by_hand(image: np.ndarray, weights: list[np.ndarray]) -> float:
    """Compute what the network answers, with nothing but sums and products.

    Args:
        image: shape (4, 4).
        weights: from `get_weights`.
    """
    kernel, bias, gain, shift = weights
    windows = [image[row : row + 3, column : column + 3] for row in (0, 1) for column in (0, 1)]
    sums = [(window * kernel[..., 0, 0]).sum() + bias[0] for window in windows]
    logit = max(0.0, *sums) * gain[0, 0] + shift[0]
    return float(1 / (1 + np.exp(-logit)))


def train(
    seed: int = 1, epochs: int = 50, verbose: int = 2, weights: list[np.ndarray] | None = None
) -> tuple[Sequential, list[float]]:
    """Train the network.

    Args:
        seed: of weights and order.
        epochs: how many.
        verbose: as in `fit`.
        weights: to begin with; None for random ones.

    Returns:
        The network, and the loss of each epoch.
    """
    set_random_seed(seed)
    model = build()
    if weights is not None:
        model.set_weights(weights)
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["acc"])
    history = model.fit(IMAGES, HAS_NEGATIVES, epochs=epochs, verbose=verbose)
    return model, history.history["loss"]


def main() -> None:
    """Train, and compare the two answers for the first image."""
    model, _ = train()
    model.summary()
    answer = model.predict(IMAGES[:1], verbose=0)[0, 0]
    print(f"The network says {answer:.7f}.")
    print(f"By hand it is    {by_hand(IMAGES[0, ..., 0], model.get_weights()):.7f}.")


if __name__ == "__main__":
    main()
