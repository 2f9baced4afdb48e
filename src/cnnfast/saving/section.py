"""A part of a file, read where it lies."""

from __future__ import annotations

import io
from typing import BinaryIO

# What is on its way from a file to where it is wanted: it stays in L2.
PIECE = 1 << 19


class Section(io.RawIOBase):
    """Some bytes of a file as a file of their own, for reading.

    Args:
        file: seekable binary file; its position is moved, and it is left open.
        start: first byte of the section.
        size: of the section, in bytes.
    """

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def seekable(self) -> bool:
        """Whether it can be read in any order: yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place and return how far it is from the start."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError(f"a file has no byte {origin + offset}")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the beginning of a buffer, and return how many bytes that were."""
        wanted = min(len(buffer), PIECE, max(0, self._size - self._position))
        self._file.seek(self._start + self._position)
        piece = self._file.read(wanted)
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def section(file: BinaryIO, start: int, size: int) -> BinaryIO:
    """Open some bytes of a file; see `Section`."""
    return io.BufferedReader(Section(file, start, size), PIECE)
