"""cnnfast itself, as its users call it."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

import cnnfast
from bench import model_files


class Native:
    """`model(x)`: one call, one batch."""

    def load(self, folder: str, threads: int) -> None:
        """Build the model."""
        cnnfast.config.set_num_threads(threads)
        self.model = model_files.load(folder, cnnfast.models.model_from_json)

    def prepare(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Take the inputs as they are."""
        return inputs

    def predict(self, prepared: NDArray[Any]) -> NDArray[Any]:
        """Predict one batch."""
        outputs: NDArray[Any] = self.model(prepared)
        return outputs

    def version(self) -> str:
        """Return the package's version."""
        return str(cnnfast.__version__)


class NativePredict(Native):
    """`model.predict(x, verbose=0)`."""

    def predict(self, prepared: NDArray[Any]) -> NDArray[Any]:
        """Predict one batch."""
        outputs: NDArray[Any] = self.model.predict(prepared, verbose=0)
        return outputs
