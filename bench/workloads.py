"""What is raced: networks with seeded weights, and inputs for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import networks, weights

Array = NDArray[Any]


@dataclass(frozen=True)
class Workload:
    """One network and how it is fed.

    Attributes:
        name: what tables call it.
        shape: of one input, without the batch axis.
        batch: the large batch, as many samples as fill the machine.
        build: makes the model; None for networks that `bench.applications` takes from Keras.
        vocabulary: ids are drawn below it; 0 for inputs of real numbers.
        together: peers that are in memory at once beside cnnfast; all if 0.
        brightest: pixel, for networks that scale them themselves; 0 for standard normal numbers.
    """

    name: str
    shape: tuple[int, ...]
    batch: int
    build: Callable[[], Any] | None = None
    vocabulary: int = 0
    together: int = 0
    brightest: float = 0.0

    def model(self) -> Any:
        """Build the model with weights that depend on nothing but the workload's name."""
        if self.build is None:
            raise ValueError(f"{self.name} is built by Keras; see `bench.applications`.")
        model = self.build()
        weights.seed(model, self.name)
        return model

    def inputs(self, samples: int) -> Array:
        """Draw inputs: standard normal numbers, pixels, or ids."""
        random = np.random.default_rng(samples)
        shape = (samples, *self.shape)
        if self.vocabulary:
            return random.integers(0, self.vocabulary, shape, dtype=np.int32)
        if self.brightest:
            return random.random(shape, dtype=np.float32) * np.float32(self.brightest)
        return random.standard_normal(shape, dtype=np.float32)


IMAGE = (224, 224, 3)

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("seed1d", (8, 1), 4096, networks.seed1d),
        Workload("seed2d", (4, 4, 1), 4096, networks.seed2d),
        Workload("stock", (50, 1), 4096, networks.stock),
        Workload("imdb", (100,), 1024, networks.imdb, vocabulary=20000),
        Workload("mnist", (28, 28, 1), 1024, networks.mnist),
        Workload("cifar", (32, 32, 3), 256, networks.cifar),
        Workload("audio", (16000, 1), 128, networks.audio),
        Workload("VGG16", IMAGE, 32, together=4),
        Workload("ResNet50", IMAGE, 32, together=4),
        Workload("MobileNetV2", IMAGE, 32, together=4),
        Workload("EfficientNetB0", IMAGE, 32, together=4, brightest=255.0),
        Workload("DenseNet121", IMAGE, 32, together=4),
        Workload("Xception", (299, 299, 3), 32, together=4),
    )
}
