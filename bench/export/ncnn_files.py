"""The network as ncnn's two files, by its own converter of PyTorch modules."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pnnx
import torch

from bench.export.lowered import graph
from bench.torch_model import Translator
from bench.workloads import WORKLOADS

TRACED, PARAMETERS, BINARY = "traced.pt", "traced.ncnn.param", "traced.ncnn.bin"


def write(workload: str, folder: str) -> None:
    """Write both files, for one image at a time."""
    sample = torch.from_numpy(WORKLOADS[workload].inputs(1))
    image = sample if WORKLOADS[workload].vocabulary else images(sample)
    module = Translator(graph(workload, folder), channels_last=False).module()
    with contextlib.chdir(folder):
        pnnx.export(module, TRACED, image, fp16=False)
    if not Path(folder, PARAMETERS).exists():
        raise RuntimeError("pnnx wrote no file")


def images(sample: torch.Tensor) -> torch.Tensor:
    """Put the channels first; give a sequence the height 1."""
    image = sample[:, None] if sample.ndim == 3 else sample
    return image.permute(0, 3, 1, 2).contiguous()
