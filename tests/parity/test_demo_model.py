"""The shipped digit classifier against the probabilities Keras gave for the shipped images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import cnnfast
import tolerances

DEMO = Path(cnnfast.__file__).parent / "demo"
CORRECT = 357
# The longest dot product, 3 * 3 * 64 terms, runs through five layers on either side.
LONGEST, LAYERS, BOTH_SIDES = 576, 5, 2
# The absolute products behind a logit of this network sum to no more than this.
LARGEST_TERMS = 64.0
HALF_RESOLUTION = 2.0**-11


def test_demo_model_gives_keras_probabilities_and_as_many_right_answers(isa: str) -> None:
    model = cnnfast.models.load_model(DEMO / "digits.keras")
    with np.load(DEMO / "digits.npz") as data:
        images, labels = data["images"], data["labels"]
        expected = data["probabilities"].astype(np.float64)
    outputs = model.predict(images / 16, verbose=0)
    # The same error in every logit, in any direction, changes a probability by half of it.
    logits = BOTH_SIDES * LAYERS * tolerances.float32_dot(LONGEST, LARGEST_TERMS)
    assert (np.abs(outputs - expected) <= logits / 2 + HALF_RESOLUTION * expected + 2**-24).all()
    assert int((outputs.argmax(axis=1) == labels).sum()) == CORRECT
