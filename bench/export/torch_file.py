"""The network as a PyTorch module."""

from __future__ import annotations

from pathlib import Path

import torch

from bench.export.lowered import graph
from bench.torch_model import Translator

FILE = "model.pt"


def write(workload: str, folder: str) -> None:
    """Write the file."""
    torch.save(Translator(graph(workload, folder)).module(), Path(folder, FILE))
