"""The zip side of `.keras` files: only known members, only within limits."""

from __future__ import annotations

import io
import warnings
import zipfile

import pytest

from cnnfast.saving import archive
from cnnfast.saving.archive import CONFIG, METADATA, WEIGHTS, read_folder, read_zip
from kerasfiles import keras_bytes


def zipped(members, **options):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, content in members:
            file.writestr(name, content)
    return buffer


SOUND = [(METADATA, b"{}"), (CONFIG, b'{"a": 1}'), (WEIGHTS, b"weights")]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_read_zip_returns_the_three_members(method):
    found = read_zip(zipped(SOUND, compression=method))
    assert (found.metadata, found.config, found.weights.read()) == (b"{}", b'{"a": 1}', b"weights")


def test_read_zip_ignores_other_members():
    assert read_zip(zipped([("assets/words.txt", b"x"), *SOUND])).metadata == b"{}"


@pytest.mark.parametrize("missing", [CONFIG, METADATA, WEIGHTS])
def test_read_zip_without_a_member_is_refused(missing):
    members = [member for member in SOUND if member[0] != missing]
    with pytest.raises(ValueError, match=f"'{missing}' is missing"):
        read_zip(zipped(members))


def test_read_zip_duplicate_member_is_refused():
    with pytest.raises(ValueError, match=r"'config\.json' occurs more than once"):
        read_zip(zipped([*SOUND, (CONFIG, b"{}")]))


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/../../b", "C:/windows", "a\\..\\b", "x/.."]
)
def test_read_zip_name_outside_the_archive_is_refused(name):
    with pytest.raises(ValueError, match="points out of the archive"):
        read_zip(zipped([(name, b""), *SOUND]))


def test_read_zip_too_many_members_are_refused(monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 2)
    with pytest.raises(ValueError, match="3 members, at most 2"):
        read_zip(zipped(SOUND))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_read_zip_other_compression_is_refused(method):
    with pytest.raises(ValueError, match="is packed by method"):
        read_zip(zipped(SOUND, compression=method))


def test_read_zip_bomb_is_refused():
    bomb = [*SOUND[:2], (WEIGHTS, bytes(archive.SMALL_BYTES + 1))]
    with pytest.raises(ValueError, match=r"'model\.weights\.h5' unpacks \d+ bytes to"):
        read_zip(zipped(bomb, compression=zipfile.ZIP_DEFLATED))


def test_read_zip_large_configuration_is_refused(monkeypatch):
    monkeypatch.setattr(archive, "MAX_JSON_BYTES", 7)
    with pytest.raises(ValueError, match=r"'config\.json' unpacks 8 bytes to 8"):
        read_zip(zipped(SOUND))


def test_read_zip_encrypted_member_is_refused():
    content = bytearray(zipped(SOUND).getvalue())
    for marker, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        position = -1
        while (position := content.find(marker, position + 1)) >= 0:
            content[position + offset] |= 1
    with pytest.raises(ValueError, match="is encrypted"):
        read_zip(io.BytesIO(bytes(content)))


def test_read_zip_wrong_checksum_is_refused():
    content = keras_bytes().replace(b'"units": 4', b'"units": 5')
    with pytest.raises(ValueError, match=r"cannot be read.*CRC"):
        read_zip(io.BytesIO(content))


def test_read_folder_returns_the_members_and_closes_the_weights(tmp_path):
    for name, content in SOUND:
        (tmp_path / name).write_bytes(content)
    with read_folder(tmp_path) as found:
        assert (found.metadata, found.config) == (b"{}", b'{"a": 1}')
        assert found.weights.read() == b"weights"
    assert found.weights.closed


def test_read_folder_without_members_names_them(tmp_path):
    (tmp_path / CONFIG).write_bytes(b"{}")
    with (
        pytest.raises(ValueError, match=r"lacks metadata\.json, model\.weights\.h5"),
        read_folder(tmp_path),
    ):
        pass


def test_read_folder_saved_model_says_what_it_is(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match="TensorFlow SavedModel"), read_folder(tmp_path):
        pass


def test_read_folder_large_text_is_refused(tmp_path, monkeypatch):
    for name, content in SOUND:
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(archive, "MAX_JSON_BYTES", 7)
    with (
        pytest.raises(ValueError, match=r"config\.json has more than 7 bytes"),
        read_folder(tmp_path),
    ):
        pass
