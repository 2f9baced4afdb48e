"""Files recognized by their content."""

from __future__ import annotations

import io
import pathlib

import pytest

from cnnfast.saving.source import described, kind, opened

HDF5 = b"\x89HDF\r\n\x1a\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"PK\x03\x04rest", "zip"),
        (HDF5 + b"rest", "hdf5"),
        (bytes(512) + HDF5, "hdf5"),
        (bytes(2048) + HDF5 + b"rest", "hdf5"),
    ],
)
def test_kind_is_told_by_content_and_leaves_the_file_at_its_start(content, expected):
    file = io.BytesIO(content)
    assert kind(file) == expected
    assert file.tell() == 0


@pytest.mark.parametrize("content", [b"P", b"text", bytes(5000), bytes(100) + HDF5])
def test_kind_of_other_content_is_refused(content):
    with pytest.raises(ValueError, match=r"neither a \.keras archive"):
        kind(io.BytesIO(content))


def test_kind_of_an_empty_file_is_refused():
    with pytest.raises(ValueError, match="the file is empty"):
        kind(io.BytesIO())


def test_opened_missing_file_is_named(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"no file at .*nothing\.keras"),
        opened(tmp_path / "nothing.keras"),
    ):
        pass


def test_opened_path_and_string_give_a_file_that_is_closed_afterwards(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"data")
    for name in (path, str(path)):
        with opened(name) as file:
            assert file.read() == b"data"
        assert file.closed


def test_opened_folder_gives_its_path(tmp_path):
    with opened(str(tmp_path)) as found:
        assert found == pathlib.Path(tmp_path)


def test_opened_file_object_is_rewound_and_left_open():
    file = io.BytesIO(b"data")
    file.seek(2)
    with opened(file) as same:
        assert same.read() == b"data"
    assert not file.closed


@pytest.mark.parametrize("wrong", [3, None, io.StringIO("text"), b"path"])
def test_opened_something_else_is_refused(wrong):
    with (
        pytest.raises(TypeError, match="`filepath` must be a path or a seekable binary file"),
        opened(wrong),
    ):
        pass


def test_described_file_object_without_a_name_says_its_class():
    assert described(io.BytesIO()) == "<BytesIO>"
