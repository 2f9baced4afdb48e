"""Golden files of real Kerases, unpacked once."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

PACKED = Path(__file__).parents[1] / "golden" / "saving"


@pytest.fixture(scope="session")
def golden(tmp_path_factory):
    """Return the folder that holds the files of `keras2` and `keras3`."""
    folder = tmp_path_factory.mktemp("golden")
    for packed in PACKED.glob("keras*.zip"):
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(folder / packed.stem)
    return folder
