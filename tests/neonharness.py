"""The AArch64 program that holds the NEON table, and the portable base table, under emulation.

The base table of AArch64 is another one than x86 has. The program (_kernels/neon/harness.c) is
linked without the mathematical library: no kernel may call it.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

Array = np.ndarray

TESTS = Path(__file__).parent
KERNELS = TESTS.parent / "src" / "cnnfast" / "_kernels"
COMPILER = "aarch64-linux-gnu-gcc"
EMULATOR = "qemu-aarch64"
FLAGS = (
    *("-O3", "-std=c11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"),
    *("-Wall", "-Wextra", "-Werror", "-static"),
)
SOURCES = (
    TESTS / "_kernels" / "neon" / "harness.c",
    KERNELS / "cpu.c",
    KERNELS / "isa" / "neon.c",
    KERNELS / "isa" / "base.c",
)

# As in harness.c.
GUARD = 32
UNTOUCHED = -12345.0


@dataclass(frozen=True)
class Harness:
    """The emulated program, with one of its tables."""

    program: Path
    isa: str

    def call(self, *words: object, operands: bytes = b"") -> bytes:
        command = [EMULATOR, str(self.program), self.isa, *map(str, words)]
        return subprocess.run(
            command, input=operands, stdout=subprocess.PIPE, check=True, timeout=60
        ).stdout

    @cached_property
    def listing(self) -> list[tuple[str, str]]:
        return [tuple(line.split()) for line in self.call("list").decode().splitlines()]

    def names(self, family: str) -> list[str]:
        return [name for kind, name in self.listing if kind == family]

    @property
    def lanes(self) -> int:
        return int(self.names("lanes")[0])

    @property
    def gemm_rows(self) -> int:
        return int(self.names("rows")[0])

    def run(self, family: str, kernel: str, numbers: tuple[int, ...], *operands: Array) -> Array:
        """Run a kernel; the floats after its outputs must be as they were."""
        flat = np.concatenate([np.ravel(array) for array in operands]).astype(np.float32)
        received = self.call(family, kernel, *numbers, operands=flat.tobytes())
        outputs = np.frombuffer(received, np.float32)
        assert np.all(outputs[-GUARD:] == np.float32(UNTOUCHED))
        return outputs[:-GUARD]

    def sizes(self) -> tuple[int, ...]:
        """Lengths around a vector and two."""
        return (1, self.lanes - 1, self.lanes, self.lanes + 1, 2 * self.lanes + 3, 61)


def compiled(target: Path) -> Path:
    """Compile the program with the kernels."""
    command = [COMPILER, *FLAGS, f"-I{KERNELS}", *map(str, SOURCES), "-o", str(target)]
    subprocess.run(command, check=True, timeout=600)
    return target


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Array:
    """Draw float32 numbers."""
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def assert_within(found: Array, expected: Array, error: Array | float) -> None:
    """Compare with a bound on the absolute error."""
    assert found.shape == expected.shape
    assert np.all(np.abs(found - expected) <= error)
