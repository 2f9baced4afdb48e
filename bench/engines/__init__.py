"""What is raced against what: one module per engine, imported only where it runs."""

from __future__ import annotations

import importlib
from typing import Any, Protocol

from numpy.typing import NDArray

from bench.workloads import Workload

# Name in tables -> module and class.
ENGINES = {
    "cnnfast": ("bench.engines.native", "Native"),
    "onnxruntime": ("bench.engines.onnx_runtime", "OnnxRuntime"),
}


class Engine(Protocol):
    """Something that predicts."""

    def load(self, workload: Workload, threads: int) -> None:
        """Make the workload's network ready."""

    def prepare(self, inputs: NDArray[Any]) -> Any:
        """Bring inputs into the engine's own layout; not timed."""

    def predict(self, prepared: Any) -> NDArray[Any]:
        """Compute the outputs of one batch; this is what is timed."""

    def version(self) -> str:
        """Name what was measured."""


def make_engine(name: str) -> Engine:
    """Import an engine and make one.

    Raises:
        ImportError: its package is not installed.
    """
    module, class_name = ENGINES[name]
    engine: Engine = getattr(importlib.import_module(module), class_name)()
    return engine
