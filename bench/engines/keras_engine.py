"""Keras on TensorFlow, as its users call it."""

from __future__ import annotations

import os
from typing import Any

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}

import keras
from numpy.typing import NDArray

from bench import model_files
from bench.engines.tensorflow_engine import limit_threads


class KerasPredict:
    """`model.predict(x, verbose=0)`, its batch size left at 32."""

    def load(self, folder: str, threads: int) -> None:
        """Load the model."""
        limit_threads(threads)
        self.model = model_files.load(folder, keras.models.model_from_json)

    def prepare(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Take the inputs as they are."""
        return inputs

    def predict(self, prepared: NDArray[Any]) -> NDArray[Any]:
        """Predict one batch."""
        outputs: NDArray[Any] = self.model.predict(prepared, verbose=0)
        return outputs

    def version(self) -> str:
        """Return the package's version."""
        return str(keras.__version__)
