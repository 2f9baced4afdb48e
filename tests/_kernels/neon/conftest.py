"""The emulated program, compiled once, with each of its two tables."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import neonharness


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the harness with the kernels."""
    for tool in (neonharness.COMPILER, neonharness.EMULATOR):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    return neonharness.compiled(tmp_path_factory.mktemp("neon") / "harness")


@pytest.fixture(scope="session", params=("neon", "base"))
def harness(request: pytest.FixtureRequest, program: Path) -> neonharness.Harness:
    """Choose a table."""
    return neonharness.Harness(program, request.param)


@pytest.fixture
def rng() -> np.random.Generator:
    """Make the numbers of a test the same every time."""
    return np.random.default_rng(8)
