"""cnnfast itself, as its users call it."""

from __future__ import annotations

from typing import Any

import cnnfast
from bench import model_files
from bench.trainers import Array, Lesson, mean_loss


class Native:
    """`model.fit` for one epoch."""

    def load(self, folder: str, threads: int) -> None:
        """Remember where the model is."""
        if not hasattr(cnnfast.Model, "fit"):
            raise NotImplementedError("cnnfast does not train yet")
        cnnfast.config.set_num_threads(threads)
        self.folder = folder

    def prepare(self, lesson: Lesson) -> Lesson:
        """Load and compile the model."""
        self.model: Any = model_files.load(self.folder, cnnfast.models.model_from_json)
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
        """Return the package's version."""
        return str(cnnfast.__version__)
