"""The programs in `examples/`, as they are or with the package's name changed."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[1] / "examples"


def names() -> list[str]:
    """Name the programs that users run."""
    return sorted(path.stem for path in FOLDER.glob("[a-z]*.py") if path.stem != "make_demo_model")


def program(name: str, package: str = "cnnfast") -> ModuleType:
    """Load a program without running its `main`, or skip what needs more than is installed.

    Args:
        name: of the file, without its ending.
        package: what to use in place of cnnfast.
    """
    path = FOLDER / f"{name}.py"
    if not path.exists():
        pytest.skip("examples are not at hand")
    source = path.read_text(encoding="utf-8")
    for library in ("sklearn", "mlxtend"):
        if library in source:
            pytest.importorskip(library)
    module = ModuleType(name)
    exec(compile(re.sub(r"\bcnnfast\b", package, source), str(path), "exec"), vars(module))
    return module
