"""The choice of instruction set."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cnnfast._kernels import dispatch


def active_with(value: str) -> subprocess.CompletedProcess[str]:
    """Ask a fresh process which instruction set it takes."""
    return subprocess.run(
        [sys.executable, "-c", "from cnnfast._kernels import dispatch; print(dispatch.active())"],
        env={**os.environ, "CNNFAST_ISA": value},
        capture_output=True,
        text=True,
        check=False,
    )


def test_base_is_always_available_and_last():
    assert dispatch.available()[-1] == "base"


def test_environment_names_the_instruction_set():
    for name in dispatch.available():
        assert active_with(name).stdout.strip() == name


def test_empty_environment_takes_the_best():
    assert active_with("").stdout.strip() == dispatch.available()[0]


def test_environment_naming_what_the_cpu_lacks_is_an_error():
    finished = active_with("avx1024")
    assert finished.returncode != 0
    assert "'avx1024'" in finished.stderr


def test_select_an_unknown_name_changes_nothing():
    before = dispatch.active()
    with pytest.raises(ValueError, match="must be one of"):
        dispatch.select("sse9")
    assert dispatch.active() == before


def test_tables_have_their_own_shape(isa):
    assert (dispatch.lanes(), dispatch.gemm_rows()) == {
        "avx512": (16, 14), "avx2": (8, 6), "neon": (4, 8), "base": (4, 4),
    }[isa]  # fmt: skip
