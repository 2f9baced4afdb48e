"""The large networks, as Keras defines them; needs Keras, which no timed process imports from here.

Weights are drawn from a seed. The statistics of batch normalization are then measured on a few
images, as training would, or the activations of a network of 50 layers would leave float32.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from bench import weights
from bench.workloads import WORKLOADS

IMAGES = 4


def build(name: str) -> Any:
    """Build one of `keras.applications` with seeded weights."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    model = getattr(keras.applications, name)(weights=None)
    weights.seed(model, name)
    measure_statistics(model, WORKLOADS[name].inputs(IMAGES))
    return model


def measure_statistics(model: Any, images: Any) -> None:
    """Set all batch normalizations to the means and variances that images have there."""
    layers = [layer for layer in model.layers if hasattr(layer, "moving_variance")]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    model(np.asarray(images), training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
