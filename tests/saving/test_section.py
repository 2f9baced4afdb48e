"""Parts of files that are read as files."""

from __future__ import annotations

import io
import zipfile

import pytest

from cnnfast.saving.archive import CONFIG, METADATA, WEIGHTS, read_zip
from cnnfast.saving.section import PIECE, Section, section

CONTENT = bytes(range(256)) * 5000


@pytest.fixture
def middle() -> io.BufferedReader:
    return section(io.BytesIO(CONTENT), 1000, 1_200_000)


def test_section_holds_its_bytes_and_no_others(middle):
    assert middle.read() == CONTENT[1000:1_201_000]
    assert middle.read() == b""


@pytest.mark.parametrize("first", [0, 1, 300, PIECE - 1, PIECE + 1, 1_199_999, 1_200_000])
def test_section_read_from_anywhere_gives_what_lies_there(middle, first):
    middle.seek(7)
    middle.seek(first)
    assert middle.tell() == first
    assert middle.read(600_001) == CONTENT[1000 + first :][: min(600_001, 1_200_000 - first)]


def test_section_counts_places_from_its_end_and_from_where_it_is(middle):
    assert middle.seek(0, io.SEEK_END) == 1_200_000
    assert middle.seek(-10, io.SEEK_CUR) == 1_199_990
    assert middle.read() == CONTENT[1_200_990:1_201_000]
    assert middle.seek(-3, io.SEEK_END) == 1_199_997


def test_section_read_behind_its_end_gives_nothing(middle):
    middle.seek(2_000_000)
    assert middle.read(10) == b""


def test_section_before_its_start_is_refused():
    with pytest.raises(ValueError, match="no byte -1"):
        Section(io.BytesIO(CONTENT), 1000, 10).seek(-1)


def test_section_does_not_mind_where_others_leave_the_file(middle):
    file = io.BytesIO(CONTENT)
    one, other = section(file, 0, 700_000), section(file, 5, 700_000)
    while piece := one.read(100_000):
        assert piece == bytes(CONTENT[one.tell() - len(piece) : one.tell()])
        other.read(70_000)
        file.seek(3)


def test_section_closed_leaves_the_file_open(middle):
    file = io.BytesIO(CONTENT)
    section(file, 0, 10).close()
    assert not file.closed


@pytest.mark.parametrize("before", [b"", b"another file's bytes"])
def test_read_zip_stored_weights_are_read_where_they_lie(before):
    buffer = io.BytesIO(before)
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "a") as file:
        for name, content in [(METADATA, b"{}"), (CONFIG, b"{}"), (WEIGHTS, CONTENT)]:
            file.writestr(name, content)
    weights = read_zip(buffer).weights
    assert isinstance(weights.raw, Section)
    assert weights.read() == CONTENT


def test_read_zip_stored_weights_with_a_wrong_checksum_are_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in [(METADATA, b"{}"), (CONFIG, b"{}"), (WEIGHTS, CONTENT)]:
            file.writestr(name, content)
    damaged = bytearray(buffer.getvalue())
    damaged[len(CONTENT) // 2] ^= 1
    with pytest.raises(ValueError, match="CRC"):
        read_zip(io.BytesIO(damaged))
