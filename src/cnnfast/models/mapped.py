"""Memory-mapped files: letting go of the pages that have been read or written."""

from __future__ import annotations

import mmap
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# "c" is missing: its changed pages exist nowhere else and would be lost.
_SHARED_MODES: Final = ("r", "r+", "w+")
_DONT_NEED: Final = getattr(mmap, "MADV_DONTNEED", None)


def release_mapped_rows(array: Any, start: int, stop: int) -> None:
    """Drop the pages of some rows from memory; the file keeps their contents.

    Args:
        array: any array; nothing happens unless it is a C-contiguous `np.memmap` of a file that
            is shared with the mapping, on a system that can drop pages.
        start: first row.
        stop: row after the last.
    """
    if _DONT_NEED is None or not isinstance(array, np.memmap) or not array.flags.c_contiguous:
        return
    mapping = getattr(array, "_mmap", None)
    if mapping is None or array.mode not in _SHARED_MODES or start >= stop:
        return
    first, last = _byte_range(array, mapping, start, stop)
    # Partly used pages may go as well: whatever is still wanted is read again from the file.
    first -= first % mmap.PAGESIZE
    mapping.madvise(_DONT_NEED, first, last - first)


def _byte_range(array: NDArray[Any], mapping: mmap.mmap, start: int, stop: int) -> tuple[int, int]:
    """Locate rows inside the mapping, which may begin before the array does."""
    base = np.frombuffer(mapping, np.uint8).ctypes.data
    offset = array.ctypes.data - base
    row_bytes = array.strides[0]
    return offset + start * row_bytes, offset + stop * row_bytes
