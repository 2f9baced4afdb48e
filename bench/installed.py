"""What a package takes on disk with all it needs, on top of a bare Python."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9._-]+")


def megabytes(package: str) -> float | None:
    """Add up the files of a distribution and of all it requires.

    Args:
        package: name of the distribution; of a package that is on the path but not installed,
            its own files and NumPy's, h5py's and rich's, are counted.

    Returns:
        MB of 10^6 bytes; None if it is not there.
    """
    names = closure(package)
    if not names:
        return None
    return sum(size_of(name) for name in names) / 1e6


def closure(package: str) -> set[str]:
    """Name a distribution and, of what it requires without extras, all that is installed."""
    found: set[str] = set()
    waiting = [package]
    while waiting:
        name = normal(waiting.pop())
        if name in found or not exists(name):
            continue
        found.add(name)
        waiting += requirements(name)
    return found


def exists(name: str) -> bool:
    """Tell whether a distribution is installed, or at least a package of its name importable."""
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return source_folder(name) is not None
    return True


def requirements(name: str) -> list[str]:
    """Name what a distribution requires, leaving out its extras."""
    try:
        listed = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        listed = ["numpy", "h5py", "rich"]
    return [match[0] for line in listed if "extra ==" not in line and (match := NAME.match(line))]


def size_of(name: str) -> int:
    """Add up the bytes of one distribution's files."""
    try:
        listed = importlib.metadata.files(name) or []
        paths = [Path(str(file.locate())) for file in listed]
    except importlib.metadata.PackageNotFoundError:
        folder = source_folder(name)
        paths = list(folder.rglob("*")) if folder else []
    return sum(path.stat().st_size for path in paths if path.is_file())


def source_folder(name: str) -> Path | None:
    """Find the folder of a package that can be imported."""
    found = importlib.util.find_spec(name.replace("-", "_"))
    return Path(found.origin).parent if found and found.origin else None


def normal(name: str) -> str:
    """Spell a distribution's name as the index does."""
    return re.sub(r"[-_.]+", "-", name).lower()
