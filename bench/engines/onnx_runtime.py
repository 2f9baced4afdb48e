"""ONNX Runtime with its CPU provider, all graph optimizations on."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bench.onnx_model import Writer
from bench.workloads import Workload


class OnnxRuntime:
    """One session, `threads` threads within operators, sequential execution (its default)."""

    def load(self, workload: Workload, threads: int) -> None:
        """Write the network as ONNX and open a session on it."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            Writer(workload.graph()).model(), options, providers=["CPUExecutionProvider"]
        )

    def prepare(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Put the channels of images first."""
        return np.ascontiguousarray(inputs.transpose(0, 3, 1, 2)) if inputs.ndim == 4 else inputs

    def predict(self, prepared: NDArray[Any]) -> NDArray[Any]:
        """Run the session on one batch."""
        outputs: NDArray[Any] = self.session.run(None, {"input": prepared})[0]
        return outputs

    def version(self) -> str:
        """Return the package's version."""
        return onnxruntime.__version__
