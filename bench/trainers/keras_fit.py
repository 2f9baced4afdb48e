"""Keras on any of its backends, as its users call it."""

from __future__ import annotations

import importlib
import os
from typing import Any

from bench import model_files
from bench.trainers import Array, Lesson, mean_loss


class KerasFit:
    """`model.fit` for one epoch.

    Args:
        backend: "tensorflow", "torch" or "jax".
    """

    def __init__(self, backend: str) -> None:
        os.environ |= {
            "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu",
        }  # fmt: skip
        self.backend = backend
        self.keras = importlib.import_module("keras")

    def load(self, folder: str, threads: int) -> None:
        """Remember where the model is."""
        self.folder = folder
        package = importlib.import_module(self.backend)
        if self.backend == "tensorflow":
            package.config.threading.set_intra_op_parallelism_threads(threads)
        elif self.backend == "torch":
            package.set_num_threads(threads)

    def prepare(self, lesson: Lesson) -> Lesson:
        """Load and compile the model."""
        self.model: Any = model_files.load(self.folder, self.keras.models.model_from_json)
        kind = "binary" if lesson.is_binary else "sparse_categorical"
        self.model.compile(optimizer=lesson.optimizer, loss=f"{kind}_crossentropy")
        return lesson

    def predict(self, prepared: Lesson) -> Array:
        """Fit one epoch."""
        history = self.model.fit(
            prepared.inputs, prepared.labels, batch_size=prepared.batch, shuffle=False, verbose=0
        )
        return mean_loss(history.history["loss"][0])

    def version(self) -> str:
        """Return the package's version and the backend's."""
        return f"{self.keras.__version__} on {importlib.import_module(self.backend).__version__}"
