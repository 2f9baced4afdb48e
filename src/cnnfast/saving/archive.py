"""The `.keras` format: a zip archive, or a folder, of two JSON texts and one HDF5 file.

Only the three known members are read, within limits; nothing is ever extracted. Weights that are
stored as they are, as Keras writes them, are read where they lie.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from cnnfast.saving.config import MAX_JSON_BYTES
from cnnfast.saving.section import PIECE, section

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_MEMBERS = 10_000
MAX_WEIGHTS_BYTES = 16 << 30
MAX_RATIO = 100
SMALL_BYTES = 16 << 20

_ENCRYPTED = 0x1
# Lengths of the name and of the extra field in the header before a member's bytes.
_HEADER = struct.Struct("<26xHH")
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    OverflowError,
    MemoryError,
)


@dataclass(frozen=True)
class Archive:
    """The members of a `.keras` file.

    Attributes:
        config: Text of `config.json`.
        metadata: Text of `metadata.json`.
        weights: `model.weights.h5`, open for reading.
    """

    config: bytes
    metadata: bytes
    weights: BinaryIO


def read_zip(file: BinaryIO) -> Archive:
    """Read the known members of a `.keras` zip archive.

    Args:
        file: Seekable binary file, which must stay open while the weights are read.

    Raises:
        ValueError: The archive is damaged, misses a member, or breaks one of the limits.
    """
    with _unzipping(), zipfile.ZipFile(file) as archive:
        _check_names([info.filename for info in archive.infolist()])
        config = _member(archive, CONFIG, MAX_JSON_BYTES)
        metadata = _member(archive, METADATA, MAX_JSON_BYTES)
        weights = _opened(archive, WEIGHTS, MAX_WEIGHTS_BYTES, file)
    return Archive(config, metadata, weights)


def read_zip_weights(file: BinaryIO) -> BinaryIO:
    """Open only the weights of a `.keras` zip archive.

    Raises:
        ValueError: As for `read_zip`.
    """
    with _unzipping(), zipfile.ZipFile(file) as archive:
        _check_names([info.filename for info in archive.infolist()])
        return _opened(archive, WEIGHTS, MAX_WEIGHTS_BYTES, file)


@contextmanager
def read_folder(folder: Path) -> Iterator[Archive]:
    """Read the known members of an unpacked `.keras` file.

    Args:
        folder: Path of the folder.

    Yields:
        The members; the weights are closed at the end of the block.

    Raises:
        ValueError: A member is missing.
    """
    if (folder / "saved_model.pb").is_file():
        raise ValueError(
            "this folder is a TensorFlow SavedModel, which holds no Keras configuration; "
            "export the model from Keras as a .keras file"
        )
    missing = [name for name in (CONFIG, METADATA, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"the folder lacks {', '.join(missing)}")
    config, metadata = (_text(folder / name) for name in (CONFIG, METADATA))
    with (folder / WEIGHTS).open("rb") as weights:
        yield Archive(config, metadata, weights)


def _text(path: Path) -> bytes:
    with path.open("rb") as file:
        text = file.read(MAX_JSON_BYTES + 1)
    if len(text) > MAX_JSON_BYTES:
        raise ValueError(f"{path.name} has more than {MAX_JSON_BYTES} bytes")
    return text


@contextmanager
def _unzipping() -> Iterator[None]:
    try:
        yield
    except _ZIP_ERRORS as error:
        raise ValueError(f"the zip archive cannot be read: {error}") from error


def _check_names(names: list[str]) -> None:
    if len(names) > MAX_MEMBERS:
        raise ValueError(f"it has {len(names)} members, at most {MAX_MEMBERS} are accepted")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"the member {twice[0]!r} occurs more than once")
    for name in names:
        if _leaves_folder(name):
            raise ValueError(f"the member name {name!r} points out of the archive")


def _leaves_folder(name: str) -> bool:
    path = PurePosixPath(name)
    drive = len(name) > 1 and name[1] == ":"
    return path.is_absolute() or ".." in path.parts or "\\" in name or drive


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    info = _checked(archive, name, limit)
    with archive.open(info) as member:
        return member.read(info.file_size)


def _opened(archive: zipfile.ZipFile, name: str, limit: int, file: BinaryIO) -> BinaryIO:
    """Open a member: in the file itself where it is not packed, otherwise in memory."""
    info = _checked(archive, name, limit)
    if info.compress_type != zipfile.ZIP_STORED:
        return io.BytesIO(_member(archive, name, limit))
    with archive.open(info) as member:
        # Its end is where the checksum is compared.
        while member.read(PIECE):
            pass
    file.seek(info.header_offset)
    lengths = _HEADER.unpack(file.read(_HEADER.size))
    return section(file, info.header_offset + _HEADER.size + sum(lengths), info.file_size)


def _checked(archive: zipfile.ZipFile, name: str, limit: int) -> zipfile.ZipInfo:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise ValueError(f"the member {name!r} is missing: this is no .keras file") from None
    if info.flag_bits & _ENCRYPTED:
        raise ValueError(f"the member {name!r} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"the member {name!r} is packed by method {info.compress_type}")
    if info.file_size > limit or _is_bomb(info):
        raise ValueError(
            f"the member {name!r} unpacks {info.compress_size} bytes to {info.file_size}"
        )
    return info


def _is_bomb(info: zipfile.ZipInfo) -> bool:
    return info.file_size > max(SMALL_BYTES, MAX_RATIO * info.compress_size)
