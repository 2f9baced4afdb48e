"""What a caller names to load from, opened, and recognized by its first bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

Filepath = str | os.PathLike[str] | BinaryIO

_ZIP = b"PK\x03\x04"
_HDF5 = b"\x89HDF\r\n\x1a\n"
_FIRST_USER_BLOCK = 512


def described(filepath: Filepath) -> str:
    """Return how error messages name a file."""
    if isinstance(filepath, str | os.PathLike):
        return f"'{os.fspath(filepath)}'"
    name = getattr(filepath, "name", None)
    return f"'{name}'" if isinstance(name, str) else f"<{type(filepath).__name__}>"


@contextmanager
def opened(filepath: Filepath) -> Iterator[BinaryIO | Path]:
    """Open what a caller passed.

    Args:
        filepath: Path of a file or of a folder, or a seekable binary file object, which is read
            from its start and left open.

    Yields:
        The open file, or the path where it is a folder.

    Raises:
        FileNotFoundError: There is nothing at the path.
        TypeError: It is neither a path nor a seekable binary file.
    """
    if not isinstance(filepath, str | os.PathLike):
        yield _checked_file(filepath)
        return
    path = Path(filepath)
    if path.is_dir():
        yield path
        return
    if not path.exists():
        raise FileNotFoundError(f"There is no file at {described(filepath)}.")
    with path.open("rb") as file:
        yield file


def _checked_file(file: BinaryIO) -> BinaryIO:
    is_file = all(hasattr(file, name) for name in ("read", "seek", "tell"))
    if not is_file or not isinstance(file.read(0), bytes):
        raise TypeError(
            "`filepath` must be a path or a seekable binary file. "
            f"Received: {file!r} (of type {type(file).__name__})"
        )
    file.seek(0)
    return file


def kind(file: BinaryIO) -> str:
    """Recognize a file by its content, whatever its name.

    Returns:
        "zip" or "hdf5"; the file is back at its start.

    Raises:
        ValueError: It is empty, or is neither.
    """
    start = file.read(len(_HDF5))
    size = file.seek(0, os.SEEK_END)
    found = "zip" if start.startswith(_ZIP) else "hdf5" if _is_hdf5(file, size) else None
    file.seek(0)
    if not size:
        raise ValueError("the file is empty")
    if found is None:
        raise ValueError(
            f"the file is neither a .keras archive (zip) nor HDF5; it begins with {start!r}"
        )
    return found


def _is_hdf5(file: BinaryIO, size: int) -> bool:
    """Look for the signature at the start and behind a user block, whose size doubles from 512."""
    position = 0
    while position + len(_HDF5) <= size:
        file.seek(position)
        if file.read(len(_HDF5)) == _HDF5:
            return True
        position = 2 * position or _FIRST_USER_BLOCK
    return False
