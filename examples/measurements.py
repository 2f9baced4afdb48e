"""From a table of measurements to a Conv1D classifier, through scikit-learn's preprocessing.

The table is scikit-learn's: 13 quantities of 178 real wines from three growers.

Run it: python examples/measurements.py
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from cnnfast.layers import Conv1D, Dense, Flatten, MaxPooling1D
from cnnfast.models import Sequential
from cnnfast.optimizers import Adam
from cnnfast.utils import set_random_seed

QUANTITIES = 13
GROWERS = 3


def load() -> list[np.ndarray]:
    """Split into rows for training and the test, then their growers, one-hot."""
    rows, growers = load_wine(return_X_y=True)
    one_hot = OneHotEncoder().fit_transform(growers.reshape(-1, 1)).toarray()
    rows, test_rows, one_hot, test_one_hot = train_test_split(
        rows, one_hot, test_size=0.2, random_state=0
    )
    # Fitted to the training rows alone: the test must not tell its mean and spread.
    scaler = StandardScaler().fit(rows)
    rows, test_rows = (
        scaler.transform(part).reshape(-1, QUANTITIES, 1) for part in (rows, test_rows)
    )
    return [rows, test_rows, one_hot, test_one_hot]


def build_small() -> Sequential:
    """Stack a convolution, a pooling and two dense layers."""
    model = Sequential()
    model.add(Conv1D(filters=64, kernel_size=3, activation="relu", input_shape=(QUANTITIES, 1)))
    model.add(MaxPooling1D(pool_size=2))
    model.add(Flatten())
    model.add(Dense(units=64, activation="relu"))
    model.add(Dense(units=GROWERS, activation="softmax"))
    return model


def build_large() -> Sequential:
    """Stack two convolutions, a pooling and three dense layers."""
    model = Sequential()
    model.add(Conv1D(filters=64, kernel_size=3, activation="relu", input_shape=(QUANTITIES, 1)))
    model.add(Conv1D(filters=64, kernel_size=3, activation="relu"))
    model.add(MaxPooling1D(pool_size=2))
    model.add(Flatten())
    model.add(Dense(units=128, activation="relu"))
    model.add(Dense(units=64, activation="relu"))
    model.add(Dense(units=GROWERS, activation="softmax"))
    return model


def train(seed: int = 1, epochs: int = 50, verbose: int = 2, is_large: bool = False) -> float:
    """Train a network.

    Args:
        seed: of weights and order.
        epochs: how many; the large network takes twice as many.
        verbose: as in `fit`.
        is_large: which network.

    Returns:
        The share of the test's wines that it tells right.
    """
    set_random_seed(seed)
    rows, test_rows, one_hot, test_one_hot = load()
    model = build_large() if is_large else build_small()
    model.compile(
        optimizer=Adam(learning_rate=0.001) if is_large else "adam",
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    size, epochs = (64, 2 * epochs) if is_large else (32, epochs)
    model.fit(rows, one_hot, batch_size=size, epochs=epochs, verbose=verbose)
    loss, accuracy = model.evaluate(test_rows, test_one_hot, verbose=0)
    if verbose:
        print("loss in the test:", loss)
        print("the first wine's probabilities:", model.predict(test_rows[:1], verbose=0)[0])
    return accuracy


def main() -> None:
    """Train both networks and tell their accuracies."""
    for name, is_large in (("small", False), ("large", True)):
        accuracy = train(is_large=is_large)
        print(f"The {name} network tells {accuracy:.1%} of the test's wines right.")


if __name__ == "__main__":
    main()
