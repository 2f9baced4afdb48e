"""The network as ONNX."""

from __future__ import annotations

from pathlib import Path

from bench.export.lowered import graph
from bench.onnx_model import Writer

FILE = "model.onnx"


def write(workload: str, folder: str) -> None:
    """Write the file."""
    Path(folder, FILE).write_bytes(Writer(graph(workload, folder)).model())
