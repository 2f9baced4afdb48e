"""Fixtures and profiles shared by every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A fixture that sets the instruction set holds for every example of a test: nothing leaks.
COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
settings.register_profile("local", max_examples=40, **COMMON)
settings.register_profile("ci", max_examples=60, derandomize=True, **COMMON)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `isa` once for every instruction set of this machine."""
    if "isa" in metafunc.fixturenames:
        from cnnfast._kernels import dispatch

        metafunc.parametrize("isa", dispatch.available(), indirect=True)


@pytest.fixture
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Select one instruction set for the length of a test."""
    from cnnfast._kernels import dispatch

    before = dispatch.active()
    dispatch.select(request.param)
    yield request.param
    dispatch.select(before)


@pytest.fixture(params=(1, 2, 7))
def threads(request: pytest.FixtureRequest) -> int:
    """Give a number of threads: none extra, as many as a small machine has, more than it has."""
    return int(request.param)


@pytest.fixture(autouse=True)
def numpy_seeds() -> Iterator[None]:
    """Let seeds follow from NumPy's again after a test that chose its own."""
    from cnnfast import random

    yield
    random.set_seed(None)
