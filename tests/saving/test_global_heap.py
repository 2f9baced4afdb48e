"""Heaps of texts in HDF5 files, walked before the HDF5 library does."""

from __future__ import annotations

import io
import struct

import h5py
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnfast.saving import global_heap
from cnnfast.saving.global_heap import check_global_heaps

START = 40


def heap(*objects, size=None):
    """Return a file with one heap at byte 40, of (number, declared size, stored bytes) objects."""
    body = b"".join(struct.pack("<HHIQ", n, 1, 0, declared) + data for n, declared, data in objects)
    declared = 16 + len(body) if size is None else size
    header = struct.pack("<4sBxxxQ", b"GCOL", 1, declared)
    return io.BytesIO(bytes(START) + header + body)


@pytest.mark.parametrize(
    "objects",
    [
        [(1, 5, bytes(8))],
        [(1, 8, bytes(8)), (2, 0, b"")],
        [(3, 16, bytes(16)), (0, 32, bytes(16))],
        [(1, 1, bytes(8)), (0, 24, bytes(8))],
    ],
)
def test_sound_heap_is_accepted_and_the_position_kept(objects):
    file = heap(*objects)
    file.seek(7)
    check_global_heaps(file)
    assert file.tell() == 7


@pytest.mark.parametrize(
    "objects",
    [
        [(0, 0, b"")],
        [(0, 8, b"")],
        [(1, 2**64 - 16, b"")],
        [(1, 2**64 - 24, bytes(8))],
        [(1, 9, bytes(8))],
        [(1, 8, bytes(8)), (0, 2**63, bytes(8))],
    ],
)
def test_heap_whose_sizes_do_not_add_up_is_refused(objects):
    with pytest.raises(ValueError, match=f"in the heap at byte {START} declares"):
        check_global_heaps(heap(*objects))


@pytest.mark.parametrize("size", [0, 15, 1000, 2**40, 2**64 - 1])
def test_heap_of_a_wrong_size_is_refused(size):
    with pytest.raises(ValueError, match=f"heap at byte {START} does not have the {size} bytes"):
        check_global_heaps(heap((1, 8, bytes(8)), size=size))


@pytest.mark.parametrize("block", [8, 9, 41, 44, 64])
def test_heap_across_the_edge_of_a_block_is_found(monkeypatch, block):
    monkeypatch.setattr(global_heap, "_BLOCK", block)
    with pytest.raises(ValueError, match=f"heap at byte {START}"):
        check_global_heaps(heap((0, 0, b"")))


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300)


@given(st.lists(TEXTS, max_size=30))
def test_heaps_that_the_library_writes_are_accepted(texts):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("texts", data=texts, dtype=h5py.string_dtype())
        if texts:
            file["texts"][0] = "shorter"
    check_global_heaps(buffer)
