"""The network as an MNN model, by its own converter of ONNX models."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.export import onnx_file

FILE = "model.mnn"


def write(workload: str, folder: str) -> None:
    """Write the file."""
    subprocess.run(
        [
            os.fspath(Path(sys.executable).with_name("mnnconvert")), "-f", "ONNX",
            "--modelFile", onnx_file.FILE, "--MNNModel", FILE, "--bizCode", "bench",
        ],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    if not Path(folder, FILE).exists():
        raise RuntimeError("mnnconvert wrote no file")
