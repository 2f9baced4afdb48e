"""cnnfast itself, as its users call it."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

import cnnfast
from bench.workloads import Workload


class Native:
    """`model.predict` for batches, `model(x)` for single samples: whichever users would take."""

    def load(self, workload: Workload, threads: int) -> None:
        """Build the model."""
        cnnfast.config.set_num_threads(threads)
        self.model = workload.model()

    def prepare(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Take the inputs as they are."""
        return inputs

    def predict(self, prepared: NDArray[Any]) -> NDArray[Any]:
        """Predict one batch."""
        outputs: NDArray[Any] = self.model(prepared)
        return outputs

    def version(self) -> str:
        """Return the package's version."""
        return cnnfast.__version__
