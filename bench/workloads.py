"""What is raced: networks with seeded weights, and inputs for them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import cnnfast
from cnnfast import layers
from cnnfast.engine.graph import Graph

Array = NDArray[Any]


@dataclass(frozen=True)
class Workload:
    """One network and how it is fed.

    Attributes:
        name: what tables call it.
        build: makes the model; weights come from `seeded`.
        shape: of one input, without the batch axis.
        batch: the large batch, as many samples as fill the machine.
        vocabulary: ids are drawn below it; 0 for inputs of real numbers.
    """

    name: str
    build: Callable[[], Any]
    shape: tuple[int, ...]
    batch: int
    vocabulary: int = 0

    def model(self) -> Any:
        """Build the model with weights that depend on nothing but the workload's name."""
        model = self.build()
        random = np.random.default_rng(zlib.crc32(self.name.encode()))
        model.set_weights([scaled(random, weight) for weight in model.get_weights()])
        return model

    def inputs(self, samples: int) -> Array:
        """Draw inputs: standard normal numbers, or ids."""
        random = np.random.default_rng(samples)
        if self.vocabulary:
            return random.integers(0, self.vocabulary, (samples, *self.shape), dtype=np.int32)
        return random.standard_normal((samples, *self.shape), dtype=np.float32)

    def graph(self) -> Graph:
        """Lower the model to operations, for engines that are given those."""
        model = self.model()
        graph = Graph()
        value = graph.input(self.shape, "int32" if self.vocabulary else "float32")
        graph.output(model.lower(graph, value))
        return graph


def scaled(random: np.random.Generator, weight: Array) -> Array:
    """Draw weights that keep activations at about their size from layer to layer."""
    fan_in = max(1, weight.size // weight.shape[-1])
    values = random.standard_normal(weight.shape, dtype=np.float32)
    return values * np.float32((2.0 / fan_in) ** 0.5) if weight.ndim > 1 else values * 0.1


def seed2d() -> Any:
    """Build the 4 x 4 image network of the tutorials."""
    return cnnfast.Sequential([
        cnnfast.Input((4, 4, 1)),
        layers.Conv2D(1, (3, 3), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def stock() -> Any:
    """Build the sequence classifier of 50 steps."""
    return cnnfast.Sequential([
        cnnfast.Input((50, 1)),
        layers.Conv1D(16, 5, activation="relu"),
        layers.MaxPooling1D(4),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def imdb() -> Any:
    """Build the text classifier: 20,000 words, 100 a review."""
    return cnnfast.Sequential([
        cnnfast.Input((100,), dtype="int32"),
        layers.Embedding(20000, 128),
        layers.Conv1D(32, 7, activation="relu"),
        layers.MaxPooling1D(5),
        layers.Conv1D(32, 7, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def mnist() -> Any:
    """Build the small convolutional network that every introduction trains on MNIST."""
    return cnnfast.Sequential([
        cnnfast.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ])  # fmt: skip


def cifar() -> Any:
    """Build three pairs of 3 x 3 convolutions with pooling between, and two dense layers."""
    model = cnnfast.Sequential([cnnfast.Input((32, 32, 3))])
    for filters in (32, 64, 128):
        for _ in range(2):
            model.add(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(128, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    return model


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("seed2d", seed2d, (4, 4, 1), 4096),
        Workload("stock", stock, (50, 1), 4096),
        Workload("imdb", imdb, (100,), 1024, vocabulary=20000),
        Workload("mnist", mnist, (28, 28, 1), 1024),
        Workload("cifar", cifar, (32, 32, 3), 256),
    )
}
