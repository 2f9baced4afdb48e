"""Checks of the heaps in which HDF5 keeps texts of variable length.

The HDF5 library walks a heap by the sizes written in it and believes them: a size of zero makes
it walk forever, a huge one makes it read outside its memory. Every heap of a file is therefore
walked here first.

Source: HDF5 File Format Specification 3.0, III.E "Global Heap".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

_SIGNATURE = b"GCOL\x01\x00\x00\x00"
_COLLECTION = struct.Struct("<8sQ")
_OBJECT = struct.Struct("<H6xQ")
_ALIGNMENT = 8
_BLOCK = 1 << 20
MAX_COLLECTION = 1 << 26


def check_global_heaps(file: BinaryIO) -> None:
    """Walk every global heap of an HDF5 file with 8-byte lengths.

    Args:
        file: Binary file; its position is left where it was.

    Raises:
        ValueError: The sizes in a heap do not add up.
    """
    position = file.tell()
    try:
        for start in list(_starts(file)):
            _check_collection(file, start)
    finally:
        file.seek(position)


def _starts(file: BinaryIO) -> Iterator[int]:
    """Yield the places of the signature, reading in blocks that overlap by its length."""
    offset, tail = 0, b""
    file.seek(0)
    while block := file.read(_BLOCK):
        text = tail + block
        found = text.find(_SIGNATURE)
        while found >= 0:
            yield offset - len(tail) + found
            found = text.find(_SIGNATURE, found + 1)
        offset += len(block)
        tail = text[-len(_SIGNATURE) + 1 :]


def _check_collection(file: BinaryIO, start: int) -> None:
    file.seek(start)
    header = file.read(_COLLECTION.size)
    size = _COLLECTION.unpack(header)[1] if len(header) == _COLLECTION.size else 0
    heap = file.read(size - _COLLECTION.size) if _COLLECTION.size < size <= MAX_COLLECTION else b""
    if len(heap) != size - _COLLECTION.size:
        raise ValueError(f"the heap at byte {start} does not have the {size} bytes it declares")
    position = 0
    while position + _OBJECT.size <= len(heap):
        position += _object_size(heap, position, start)
    if position > len(heap):
        raise ValueError(f"the last object of the heap at byte {start} ends behind it")


def _object_size(heap: bytes, position: int, start: int) -> int:
    """Return how far the next object is; the free space, number 0, counts its own header."""
    number, size = _OBJECT.unpack_from(heap, position)
    needed: int = size if number == 0 else _OBJECT.size - size // -_ALIGNMENT * _ALIGNMENT
    if not _OBJECT.size <= needed <= len(heap) - position:
        raise ValueError(f"an object in the heap at byte {start} declares {size} bytes")
    return needed
