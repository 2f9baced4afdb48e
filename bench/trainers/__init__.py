"""Who trains against whom: one module per trainer, imported only where it runs."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bench import process
from bench.engines import Peer

Array = NDArray[Any]


class Lesson(NamedTuple):
    """What is trained on.

    Attributes:
        inputs: samples.
        labels: a class number for each; 0 and 1 where the network has one output.
        batch: samples between two steps of the optimizer.
        optimizer: "adam" or "rmsprop", with Keras's defaults.
    """

    inputs: Array
    labels: Array
    batch: int
    optimizer: str

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes, and so one output."""
        return int(self.labels.max()) == 1


TRAINERS = {
    "cnnfast": Peer("native", "Native", "keras", "cnnfast"),
    "keras tensorflow": Peer(
        "keras_fit", "KerasFit", "keras", "tensorflow-cpu", options={"backend": "tensorflow"}
    ),
    "keras torch": Peer("keras_fit", "KerasFit", "keras", "torch", options={"backend": "torch"}),
    "keras jax": Peer("keras_fit", "KerasFit", "keras", "jax", options={"backend": "jax"}),
    "torch loop": Peer("torch_loop", "TorchLoop", "torch", "torch"),
    "torch compiled": Peer("torch_loop", "TorchLoop", "torch", "torch", options={"compiled": True}),
}

# RMSprop's and Adam's arguments where Keras's defaults are not PyTorch's.
KERAS_DEFAULTS = {
    "adam": {"lr": 1e-3, "eps": 1e-7},
    "rmsprop": {"lr": 1e-3, "alpha": 0.9, "eps": 1e-7},
}


class Trainer(Protocol):
    """An engine whose prediction is the mean loss of an epoch of training."""

    def load(self, folder: str, threads: int) -> None:
        """Make ready the network whose files a folder holds."""

    def prepare(self, lesson: Lesson) -> Any:
        """Start from the file's weights; not timed."""

    def predict(self, prepared: Any) -> Array:
        """Train for one epoch, in order, and return its mean loss."""

    def version(self) -> str:
        """Name what was measured."""


def load_trainer(name: str, folder: str, threads: int) -> Trainer:
    """Import a trainer, make one and load a network into it.

    Raises:
        ImportError: its package is not installed.
    """
    process.pin(threads)
    found = TRAINERS[name]
    module = importlib.import_module(f"bench.trainers.{found.module}")
    trainer: Trainer = getattr(module, found.class_name)(**found.options)
    trainer.load(folder, threads)
    return trainer


def mean_loss(value: Any) -> Array:
    """Give the loss of an epoch the shape of outputs."""
    return np.asarray([float(value)], np.float32)
