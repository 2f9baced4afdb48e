"""ONNX Runtime with its CPU provider, all graph optimizations on."""

from __future__ import annotations

import os
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from bench.engines.layouts import channels_first


class OnnxRuntime:
    """One session, `threads` threads within operators, sequential execution (its default)."""

    def load(self, folder: str, threads: int) -> None:
        """Open a session."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            os.path.join(folder, "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def prepare(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Put the channels of images first."""
        return channels_first(inputs)

    def predict(self, prepared: NDArray[Any]) -> NDArray[Any]:
        """Run the session on one batch."""
        outputs: NDArray[Any] = self.session.run(None, {"input": prepared})[0]
        return outputs

    def version(self) -> str:
        """Return the package's version."""
        return str(onnxruntime.__version__)
