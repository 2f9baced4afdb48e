"""Networks of keras.applications, saved by Keras and loaded here, in both formats of file."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import cnnfast

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

IMAGES, CLASSES = 2, 10
# The smallest images that all of these networks take.
SIZE = 75
# Both sides round in up to 400 layers one behind the other. The largest difference that was seen
# is 1.3e-6 of the largest logit, EfficientNetV2B0's.
RELATIVE_ERROR = 2.0**-17

RANGES = {
    "gamma": (0.7, 1.3),
    "beta": (-0.2, 0.2),
    "moving_mean": (-0.2, 0.2),
    "moving_variance": (0.5, 1.5),
}

NETWORKS = (
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "NASNetMobile",
    "ResNet50",
    "ResNet50V2",
    "Xception",
)


def with_statistics(model: Any, random: np.random.Generator) -> None:
    """Draw everything that Keras leaves at 0 or 1, so that folding it wrongly shows."""
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            drawn = [
                random.uniform(*RANGES[weights.name], weights.shape) for weights in layer.weights
            ]
            layer.set_weights(drawn)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_network_of_keras_loads_and_gives_its_logits(
    keras: ModuleType, tmp_path: Path, name: str, suffix: str
) -> None:
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    random = np.random.default_rng(1)
    theirs = getattr(keras.applications, name)(
        weights=None, input_shape=(SIZE, SIZE, 3), classes=CLASSES, classifier_activation=None
    )
    with_statistics(theirs, random)
    images = random.uniform(-1, 1, (IMAGES, SIZE, SIZE, 3)).astype(np.float32)
    expected = np.asarray(theirs(images))
    theirs.save(tmp_path / f"network.{suffix}")
    ours = cnnfast.load_model(tmp_path / f"network.{suffix}")
    outputs = ours.predict(images, verbose=0)
    assert np.ptp(expected) > 0
    assert np.abs(outputs - expected).max() <= RELATIVE_ERROR * np.abs(expected).max()
