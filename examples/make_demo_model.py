"""Train the digit classifier of `cnnfast demo` with Keras, and save what the demo needs.

Needs keras, a backend, and scikit-learn; cnnfast itself needs none of them. Writes, into
src/cnnfast/demo/:

    digits.keras  the trained model, without optimizer state
    digits.npz    images uint8 (360, 8, 8, 1) that training never saw, 0 to 16; labels uint8 (360,);
                  Keras's own probabilities float16 (360, 10)
    training.npz  the other images uint8 (1437, 8, 8, 1) and their labels, as training saw them

Images are divided by 16 before they enter the network. Seeds and operations are fixed, so that
the same versions on the same machine give the same files.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 20
EPOCHS = 60
BATCH_SIZE = 64
HELD_OUT = 360
REQUIRED_ACCURACY = 0.985
BRIGHTEST = 16
DESTINATION = Path(__file__).parents[1] / "src" / "cnnfast" / "demo"


def load_split() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return uint8 images and labels: for training, and held out in equal shares of digits."""
    digits = load_digits()
    images = digits.images.astype(np.uint8)[..., np.newaxis]
    labels = digits.target.astype(np.uint8)
    train_images, held_images, train_labels, held_labels = train_test_split(
        images, labels, test_size=HELD_OUT, stratify=labels, random_state=SEED
    )
    return train_images, train_labels, held_images, held_labels


def build_model() -> keras.Sequential:
    """Stack three convolutions, two poolings and a softmax over the ten digits."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu", name="edges"),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu", name="strokes"),
            keras.layers.MaxPooling2D(name="halve"),
            keras.layers.Conv2D(64, 3, padding="same", activation="relu", name="parts"),
            keras.layers.MaxPooling2D(name="quarter"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dropout(0.4, name="dropout"),
            keras.layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )


def train(images: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """Fit a model and return its weights alone, so that no optimizer reaches the file."""
    model = build_model()
    steps = EPOCHS * -(-len(images) // BATCH_SIZE)
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(
        optimizer=keras.optimizers.Adam(schedule),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(images / BRIGHTEST, labels, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=2)
    return model.get_weights()


def main() -> None:
    """Train, check the accuracy on the held-out images, and write all files."""
    keras.utils.set_random_seed(SEED)
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    train_images, train_labels, images, labels = load_split()
    weights = train(train_images, train_labels)
    model = build_model()
    model.set_weights(weights)
    probabilities = model.predict(images / BRIGHTEST, batch_size=HELD_OUT, verbose=0)
    accuracy = float(np.mean(probabilities.argmax(axis=1) == labels))
    print(f"accuracy on {len(images)} held-out images: {accuracy:.4f}")
    if accuracy < REQUIRED_ACCURACY:
        raise SystemExit(f"the accuracy must reach {REQUIRED_ACCURACY}; got {accuracy:.4f}.")
    model.save(DESTINATION / "digits.keras")
    np.savez_compressed(DESTINATION / "training.npz", images=train_images, labels=train_labels)
    np.savez_compressed(
        DESTINATION / "digits.npz",
        images=images,
        labels=labels,
        probabilities=probabilities.astype(np.float16),
    )


if __name__ == "__main__":
    main()
