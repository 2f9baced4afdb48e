"""LiteRT, TensorFlow Lite as it is called now, with XNNPACK."""

from __future__ import annotations

import importlib.metadata
import os
from typing import Any

from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray


class LiteRT:
    """One interpreter, laid out anew for each batch size."""

    def load(self, folder: str, threads: int) -> None:
        """Remember what to open: an interpreter is made when the batch size is known."""
        self.path, self.threads = os.path.join(folder, "model.tflite"), threads

    def prepare(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Open an interpreter for this many samples."""
        self.interpreter = Interpreter(self.path, num_threads=self.threads)
        self.source = self.interpreter.get_input_details()[0]["index"]
        self.result = self.interpreter.get_output_details()[0]["index"]
        self.interpreter.resize_tensor_input(self.source, inputs.shape)
        self.interpreter.allocate_tensors()
        return inputs

    def predict(self, prepared: NDArray[Any]) -> NDArray[Any]:
        """Invoke the interpreter on one batch."""
        self.interpreter.set_tensor(self.source, prepared)
        self.interpreter.invoke()
        outputs: NDArray[Any] = self.interpreter.get_tensor(self.result)
        return outputs

    def version(self) -> str:
        """Return the package's version."""
        return importlib.metadata.version("ai-edge-litert")
