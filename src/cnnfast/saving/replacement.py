"""Files that appear whole or not at all, and the question whether they may replace another."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file under another name beside it, and give it its own name once it is complete.

    Whatever happens before, a file that was at `path` is still there as it was. A process that
    is killed leaves the unfinished file behind, whose name begins with a dot and ends in ".tmp".
    The permissions of a file that is replaced stay, and so does a symbolic link to it.

    Args:
        path: Where the file is to be.

    Yields:
        The new file, open for writing and reading.

    Raises:
        FileNotFoundError: The folder is missing.
        IsADirectoryError: There is a folder at `path`.
    """
    target = _checked_target(path)
    unfinished = target.with_name(f".{target.name[:200]}.{os.urandom(4).hex()}.tmp")
    try:
        with unfinished.open("x+b") as file:
            yield file
            file.flush()
            # Without it, a machine that loses power may keep the new name and none of the data.
            # The folder is not synchronized: either name leads to a whole file.
            os.fsync(file.fileno())
        if target.exists():
            unfinished.chmod(stat.S_IMODE(target.stat().st_mode))
        unfinished.replace(target)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def _checked_target(path: Path) -> Path:
    target = path.resolve()
    if target.is_dir():
        raise IsADirectoryError(f"Cannot save to '{path}': there is a folder of this name.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"Cannot save to '{path}': there is no folder '{target.parent}'.")
    return target


def may_write(path: Path, overwrite: bool) -> bool:
    """Ask whether a file may be replaced, if there is one and the caller did not say so.

    Args:
        path: Where the new file is to be.
        overwrite: Replace without asking.

    Returns:
        Whether to go on.

    Raises:
        FileExistsError: There is a file, and nobody at a terminal to ask.
    """
    if overwrite or not path.exists():
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        raise FileExistsError(
            f"'{path}' already exists, and overwrite=False was passed. "
            "Delete it, choose another name or pass overwrite=True."
        )
    answer = input(f"[WARNING] {path} already exists - overwrite? [y/n]").strip().lower()
    while answer not in ("y", "n"):
        answer = input('Enter "y" (overwrite) or "n" (cancel).').strip().lower()
    if answer == "y":
        print("[TIP] Next time specify overwrite=True!")
    return answer == "y"
