"""Tell from 100 words whether a review is kind: word vectors and two convolutions over them.

Real reviews would have to be downloaded, so that these are made by chance, of the same shape:
numbers of words from a vocabulary of 20,000, frequent ones first. A hundred and twenty words
praise or blame, and a "not" in front turns what they say around, which only neighbours together
tell.

Run it: python examples/reviews.py
"""

from __future__ import annotations

import numpy as np

from cnnfast.layers import Conv1D, Dense, Embedding, GlobalMaxPooling1D, MaxPooling1D
from cnnfast.models import Sequential
from cnnfast.utils import set_random_seed

VOCABULARY = 20_000
LENGTH = 100
REVIEWS, TEST_REVIEWS = 4000, 1000
NOT = 1
PRAISE, BLAME = np.arange(100, 160), np.arange(160, 220)
OPINIONS = 8
TURNED = 0.3


def make_reviews(count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw reviews, shape (count, LENGTH), and whether they are kind, shape (count,)."""
    # The k-th word of a language is about 1/k times as frequent as the first.
    ranks = np.exp(random.uniform(0, np.log(VOCABULARY - 500), (count, LENGTH)))
    words = np.where(ranks < 99, 1 + ranks, 200 + ranks).astype("int32")
    words[words == NOT] += 1
    kind = random.integers(0, 2, count)
    for review, is_kind in zip(words, kind, strict=True):
        for place in random.choice(np.arange(0, LENGTH - 1, 2), OPINIONS, replace=False):
            is_turned = random.random() < TURNED
            review[place] = NOT if is_turned else review[place]
            review[place + 1] = random.choice(PRAISE if is_kind != is_turned else BLAME)
    return words, kind


def build() -> Sequential:
    """Stack word vectors, two convolutions, two poolings and a yes or no."""
    model = Sequential()
    model.add(Embedding(VOCABULARY, 128))
    model.add(Conv1D(32, 7, activation="relu"))
    model.add(MaxPooling1D(5))
    model.add(Conv1D(32, 7, activation="relu"))
    model.add(GlobalMaxPooling1D())
    model.add(Dense(1, activation="sigmoid"))
    return model


def train(seed: int = 1, epochs: int = 4, verbose: int = 1, count: int = REVIEWS) -> float:
    """Train a network.

    Args:
        seed: of weights, order and data.
        epochs: how many.
        verbose: as in `fit`.
        count: of reviews to train on.

    Returns:
        The share of the test's reviews that it tells right.
    """
    set_random_seed(seed)
    random = np.random.default_rng(seed)
    reviews, kind = make_reviews(count, random)
    model = build()
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["acc"])
    model.fit(reviews, kind, epochs=epochs, batch_size=32, validation_split=0.1, verbose=verbose)
    return model.evaluate(*make_reviews(TEST_REVIEWS, random), verbose=0)[1]


def main() -> None:
    """Train and tell the accuracy."""
    print(f"{train():.1%} of the test's reviews were told right.")


if __name__ == "__main__":
    main()
