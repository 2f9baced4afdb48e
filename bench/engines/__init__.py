"""What is raced against what: one module per engine, imported only where it runs."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any, Protocol

from numpy.typing import NDArray


@dataclass(frozen=True)
class Peer:
    """How an engine is found and what it needs.

    Attributes:
        module: within `bench.engines`.
        class_name: of the engine in its module.
        file: the format it reads, a name of `bench.export.FORMATS`.
        package: the distribution that a user installs for it.
        precision: what it computes in.
        options: keyword arguments of the class.
    """

    module: str
    class_name: str
    file: str
    package: str
    precision: str = "float32"
    options: dict[str, Any] = field(default_factory=dict)


ENGINES = {
    "cnnfast": Peer("native", "Native", "keras", "cnnfast"),
    "cnnfast predict": Peer("native", "NativePredict", "keras", "cnnfast"),
    "onnxruntime": Peer("onnx_runtime", "OnnxRuntime", "onnx", "onnxruntime"),
    "openvino latency": Peer("openvino_engine", "Latency", "onnx", "openvino"),
    "openvino throughput": Peer("openvino_engine", "Throughput", "onnx", "openvino"),
    "openvino bf16": Peer(
        "openvino_engine", "Throughput", "onnx", "openvino", "bfloat16", {"precision": None}
    ),
    "litert": Peer("litert", "LiteRT", "tflite", "ai-edge-litert"),
    "tensorflow": Peer("tensorflow_engine", "TensorFlow", "keras", "tensorflow-cpu"),
    "tensorflow xla": Peer(
        "tensorflow_engine", "TensorFlow", "keras", "tensorflow-cpu", options={"xla": True}
    ),
    "keras predict": Peer("keras_engine", "KerasPredict", "keras", "tensorflow-cpu"),
    "jax": Peer("jax_engine", "Jax", "keras", "jax"),
    "torch eager": Peer("torch_engine", "Torch", "torch", "torch"),
    "torch compiled": Peer("torch_engine", "Compiled", "torch", "torch"),
    "ncnn": Peer("ncnn_engine", "Ncnn", "ncnn", "ncnn"),
    "mnn": Peer("mnn_engine", "Mnn", "mnn", "MNN"),
}


class Engine(Protocol):
    """Something that predicts."""

    def load(self, folder: str, threads: int) -> None:
        """Make ready the network whose files a folder holds."""

    def prepare(self, inputs: NDArray[Any]) -> Any:
        """Bring inputs into the engine's own layout and settle its shapes; not timed."""

    def predict(self, prepared: Any) -> NDArray[Any]:
        """Compute the outputs of one batch; this is what is timed."""

    def version(self) -> str:
        """Name what was measured."""


def make_engine(name: str) -> Engine:
    """Import an engine and make one.

    Raises:
        ImportError: its package is not installed.
    """
    peer = ENGINES[name]
    module = importlib.import_module(f"bench.engines.{peer.module}")
    engine: Engine = getattr(module, peer.class_name)(**peer.options)
    return engine
