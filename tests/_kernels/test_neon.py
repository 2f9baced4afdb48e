"""The NEON build of every micro-kernel, under emulation, against the NumPy twins.

An AArch64 program (neon/harness.c) holds the NEON table and the portable base table, which is
not what x86 calls base. It is linked without the mathematical library: a kernel that called it
would not link.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import reference
import tolerances

Array = np.ndarray

HERE = Path(__file__).parent
KERNELS = HERE.parents[1] / "src" / "cnnfast" / "_kernels"
COMPILER = "aarch64-linux-gnu-gcc"
EMULATOR = "qemu-aarch64"
FLAGS = [
    *("-O3", "-std=c11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"),
    *("-Wall", "-Wextra", "-Werror", "-static", "-nostartfiles" if False else "-g0"),
]
SOURCES = [HERE / "neon" / "harness.c", *(KERNELS / name for name in ("cpu.c", "isa/neon.c", "isa/base.c"))]
GUARD = 32
UNTOUCHED = -12345.0
WIDEST_ROWS = {"neon": 8, "base": 4}
