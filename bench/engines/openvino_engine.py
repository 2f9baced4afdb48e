"""OpenVINO on the CPU, tuned for the time of one call or for many at once."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import properties
from openvino.properties import hint

from bench.engines.layouts import channels_first

# Samples in one of the requests that run side by side, tried in `Throughput.prepare`.
PIECES = (1, 8, 32, 128, 512)


class OpenVINO:
    """A model compiled for one batch size with a hint of how it will be used.

    Args:
        precision: to compute in; None for the default, bfloat16 where the CPU has it.
    """

    mode: Any = None

    def __init__(self, precision: str | None = "f32") -> None:
        self.options: dict[Any, Any] = {hint.performance_mode(): self.mode}
        if precision:
            self.options[hint.inference_precision()] = precision

    def load(self, folder: str, threads: int) -> None:
        """Read the model."""
        self.core = openvino.Core()
        self.options[properties.inference_num_threads()] = threads
        self.model = self.core.read_model(os.path.join(folder, "model.onnx"))

    def compiled(self, shape: tuple[int, ...]) -> Any:
        """Compile for one shape of input."""
        self.model.reshape(shape)
        return self.core.compile_model(self.model, "CPU", self.options)

    def version(self) -> str:
        """Return the package's version."""
        return str(openvino.__version__).partition("-")[0]


class Latency(OpenVINO):
    """One request at a time, on all threads."""

    mode = hint.PerformanceMode.LATENCY

    def prepare(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Put the channels of images first, and compile for their number."""
        images = channels_first(inputs)
        self.request = self.compiled(images.shape).create_infer_request()
        return images

    def predict(self, prepared: NDArray[Any]) -> NDArray[Any]:
        """Infer one batch."""
        outputs: NDArray[Any] = self.request.infer({0: prepared}, share_inputs=True)[0]
        return outputs


class Throughput(OpenVINO):
    """Requests side by side: a batch is cut into pieces, of the size that turns out fastest."""

    mode = hint.PerformanceMode.THROUGHPUT

    def prepare(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Put the channels of images first, and choose the size of a piece."""
        images = channels_first(inputs)
        sizes = [size for size in PIECES if size < len(images) and len(images) % size == 0]
        best = len(images)
        if sizes:
            best = min([*sizes, best], key=lambda size: self.timed(images, size))
        self.compile_for(best, images)
        return images

    def timed(self, images: NDArray[Any], size: int) -> float:
        """Compile for pieces of a size; return the shorter time of two batches, in seconds."""
        self.compile_for(size, images)
        times = []
        for _ in range(2):
            start = time.perf_counter()
            self.predict(images)
            times.append(time.perf_counter() - start)
        return min(times)

    def compile_for(self, size: int, images: NDArray[Any]) -> None:
        """Compile for pieces of a size, and open as many requests as OpenVINO advises."""
        self.size = size
        compiled = self.compiled((size, *images.shape[1:]))
        self.queue = openvino.AsyncInferQueue(compiled)
        self.queue.set_callback(self.take)
        self.outputs = np.empty((len(images), *compiled.output(0).shape[1:]), np.float32)

    def take(self, request: Any, start: int) -> None:
        """Copy the outputs of one request to their place."""
        self.outputs[start : start + self.size] = request.get_output_tensor().data

    def predict(self, prepared: NDArray[Any]) -> NDArray[Any]:
        """Infer all pieces of one batch."""
        for start in range(0, len(prepared), self.size):
            piece = prepared[start : start + self.size]
            self.queue.start_async({0: piece}, start, share_inputs=True)
        self.queue.wait_all()
        return self.outputs
