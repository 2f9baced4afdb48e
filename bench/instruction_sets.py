"""Everybody held to an older instruction set, as far as engines have a switch for it."""

from __future__ import annotations

import os
from typing import Final

from cnnfast._kernels import dispatch

# Environment variables that processes started afterwards see. oneDNN computes for OpenVINO,
# TensorFlow and PyTorch; XLA for JAX and TensorFlow. ONNX Runtime, LiteRT, ncnn and MNN have no
# switch, and go on using all that the CPU has.
SWITCHES: Final = {
    "avx2": {
        "CNNFAST_ISA": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "DNNL_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    },
}


def hold_to(name: str) -> None:
    """Hold this process and those that it starts to an instruction set.

    Args:
        name: a key of SWITCHES.

    Raises:
        ValueError: the machine does not have it.
    """
    dispatch.select(name)
    os.environ.update(SWITCHES[name])
