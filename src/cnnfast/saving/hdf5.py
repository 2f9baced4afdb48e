"""Guarded reading of HDF5: every link, type, filter and size is checked before a byte is used.

HDF5 lets a file point at other files (external links, external storage, virtual datasets), name
plugins to decode itself and declare terabytes it does not hold. A weights file needs none of it,
so anything beyond plain numeric arrays that the file itself stores is refused.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from cnnfast.saving.global_heap import check_global_heaps

if TYPE_CHECKING:
    import h5py

MAX_RANK = 8
MAX_OBJECTS = 100_000
MAX_TEXT_BYTES = 64 << 20
MAX_UNCOMPRESSED_RATIO = 1000
SMALL_BYTES = 64 << 20
SMALL_CHUNK_BYTES = 1 << 20

_DEFLATE, _SHUFFLE, _FLETCHER32, _LZF = 1, 2, 3, 32000
_FILTERS = {_DEFLATE: "gzip", _SHUFFLE: "shuffle", _FLETCHER32: "fletcher32", _LZF: "lzf"}
_FLETCHER32_BYTES = 4
_SIZES = (8, 8)
_READ_ERRORS = (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever h5py raises inside the block into one ValueError about `what`."""
    try:
        yield
    except _READ_ERRORS as error:
        raise ValueError(f"{what} cannot be read, the HDF5 data is damaged ({error})") from error


@contextmanager
def open_hdf5(file: BinaryIO) -> Iterator[Group]:
    """Open a seekable binary file as HDF5 and give its guarded root group.

    Args:
        file: Binary file object, open for reading.

    Yields:
        The root group.

    Raises:
        ValueError: The file is not HDF5, or is truncated or damaged.
    """
    import h5py

    check_global_heaps(file)
    with reading("the file"):
        handle = h5py.File(file, "r")
    try:
        if handle.id.get_create_plist().get_sizes() != _SIZES:
            raise ValueError("the HDF5 file does not use addresses and lengths of 8 bytes")
        yield Group(handle, "", _Account(_file_bytes(file)))
    finally:
        handle.close()


def _file_bytes(file: BinaryIO) -> int:
    position = file.tell()
    size = file.seek(0, 2)
    file.seek(position)
    return size


class _Account:
    """Adds up what the datasets of one file declare and refuses more than it could hold."""

    def __init__(self, file_bytes: int) -> None:
        self.limit = SMALL_BYTES + MAX_UNCOMPRESSED_RATIO * file_bytes
        self.declared = 0
        self.paths: set[str] = set()

    def declare(self, path: str, size: int) -> None:
        self.declared += 0 if path in self.paths else size
        self.paths.add(path)
        if self.declared > self.limit:
            raise ValueError(
                f"dataset '{path}' brings the declared data to more than {self.limit} bytes, "
                "which a file of this size cannot hold"
            )


class Group:
    """One group of an HDF5 file, reached through hard links only."""

    def __init__(self, group: h5py.Group, path: str, account: _Account) -> None:
        self._group = group
        self._account = account
        self.path = path

    def names(self) -> list[str]:
        """Return the names of the members, as the file lists them."""
        with reading(f"group '{self.path or '/'}'"):
            if len(self._group) > MAX_OBJECTS:
                raise ValueError(f"{len(self._group)} members")
            return [str(name) for name in self._group]

    def __contains__(self, path: str) -> bool:
        with reading(f"'{self._join(path)}'"):
            return path in self._group

    def group(self, path: str) -> Group:
        """Return the group at `path` below this one.

        Raises:
            ValueError: It is missing, is not a group, or is reached through a link that is not a
                hard link.
        """
        member = self._member(path)
        if not isinstance(member, Group):
            raise ValueError(f"'{self._join(path)}' is a dataset, expected a group")
        return member

    def dataset(self, path: str) -> Dataset:
        """Return the checked dataset at `path` below this group.

        Raises:
            ValueError: It is missing, is not a dataset, or breaks one of the rules of this module.
        """
        member = self._member(path)
        if not isinstance(member, Dataset):
            raise ValueError(f"'{self._join(path)}' is a group, expected a dataset")
        return member

    def member(self, name: str) -> Group | Dataset:
        """Return the group or checked dataset called `name` in this group."""
        import h5py

        path = self._join(name)
        with reading(f"'{path}'"):
            link = self._group.get(name, getlink=True)
        if link is None:
            raise ValueError(f"'{path}' is missing")
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"'{path}' is a {type(link).__name__}: links are never followed")
        with reading(f"'{path}'"):
            child = self._group[name]
        if isinstance(child, h5py.Group):
            return Group(child, path, self._account)
        if isinstance(child, h5py.Dataset):
            return Dataset(child, path, self._account)
        raise ValueError(f"'{path}' is neither a group nor a dataset")

    def text(self, attribute: str) -> str | None:
        """Return a text attribute, or None where the group has no such attribute."""
        value = self._attribute(attribute)
        if value is None:
            return None
        if np.ndim(value) != 0:
            raise ValueError(f"attribute '{attribute}' of '{self.path or '/'}' is not one text")
        return _decoded(value[()] if isinstance(value, np.ndarray) else value)

    def texts(self, attribute: str) -> list[str] | None:
        """Return a list of texts, joining the pieces `attribute0`, `attribute1`, ... of long ones.

        Keras cuts a list of names into numbered attributes where it would not fit the 64 KiB that
        HDF5 allows for one.
        """
        whole = self._attribute(attribute)
        if whole is not None:
            return _texts(whole)
        pieces: list[str] = []
        count = 0
        while (piece := self._attribute(f"{attribute}{count}")) is not None:
            pieces += _texts(piece)
            count += 1
            if len(pieces) > MAX_OBJECTS:
                raise ValueError(f"the list '{attribute}' has more than {MAX_OBJECTS} names")
        return pieces if count else None

    def datasets(self) -> list[Dataset]:
        """Return all checked datasets at and below this group, each object of the file once."""
        found: list[Dataset] = []
        seen, stack = {self.address}, [self]
        while stack:
            group = stack.pop()
            for child in map(group.member, group.names()):
                if child.address in seen:
                    continue
                seen.add(child.address)
                if len(seen) > MAX_OBJECTS:
                    raise ValueError(f"more than {MAX_OBJECTS} objects")
                if isinstance(child, Group):
                    stack.append(child)
                else:
                    found.append(child)
        return found

    def _member(self, path: str) -> Group | Dataset:
        found: Group | Dataset = self
        for step in path.split("/"):
            if not isinstance(found, Group):
                raise ValueError(f"'{found.path}' is a dataset, expected a group")
            found = found.member(step)
        return found

    def _join(self, path: str) -> str:
        return f"{self.path}/{path}" if self.path else path

    @property
    def address(self) -> int:
        """Place in the file, equal for two names of one object."""
        return _address(self._group, self.path)

    def _attribute(self, name: str) -> Any:
        """Return an attribute that is text or empty, None where there is none."""
        import h5py

        where = f"attribute '{name}' of '{self.path or '/'}'"
        with reading(where):
            attributes = self._group.attrs
            if name not in attributes:
                return None
            handle = attributes.get_id(name)
            count = int(np.prod(handle.shape or (), dtype=object))
            kind = handle.get_type()
            declared = count * kind.get_size()
        if not count:
            return np.empty(0, object)
        # The HDF5 library itself crashes on some of the other types when they are damaged.
        if kind.get_class() != h5py.h5t.STRING:
            raise ValueError(f"{where} is not text")
        if declared > MAX_TEXT_BYTES:
            raise ValueError(f"{where} declares {declared} bytes, more than {MAX_TEXT_BYTES}")
        with reading(where):
            return attributes[name]


class Dataset:
    """One numeric array that the file itself holds, checked but not yet read."""

    def __init__(self, dataset: h5py.Dataset, path: str, account: _Account) -> None:
        self._dataset = dataset
        self.path = path
        with reading(f"dataset '{path}'"):
            shape, dtype = dataset.shape, dataset.dtype
            is_standard = dtype.kind in "fiu" and _is_standard(dataset.id.get_type(), dtype)
        _check_shape(shape, path)
        if not is_standard:
            raise ValueError(f"dataset '{path}' holds {dtype}, expected plain numbers")
        self.shape: tuple[int, ...] = tuple(shape)
        self.size = int(np.prod(self.shape, dtype=object))
        self._bytes = self.size * dtype.itemsize
        account.declare(path, self._bytes)
        self._check_storage()

    def read(self) -> np.ndarray:
        """Return the values as a new C-contiguous float32 array."""
        values = np.empty(self.shape, np.float32)
        with reading(f"dataset '{self.path}'"):
            self._check_chunks()
            if self.size:
                self._dataset.read_direct(values)
        return values

    def _check_storage(self) -> None:
        with reading(f"dataset '{self.path}'"):
            virtual, external = self._dataset.is_virtual, self._dataset.external
            stored = self._dataset.id.get_storage_size()
            chunks = self._dataset.chunks
            filters = _filters(self._dataset)
        if virtual or external:
            kind = "virtual" if virtual else "stored in another file"
            raise ValueError(f"dataset '{self.path}' is {kind}: only the file's own data is read")
        unknown = [number for number in filters if number not in _FILTERS]
        if unknown or len(set(filters)) != len(filters):
            raise ValueError(
                f"dataset '{self.path}' uses the HDF5 filters {filters}, "
                f"expected each at most once from {_FILTERS}"
            )
        if self._bytes > SMALL_BYTES and self._bytes > MAX_UNCOMPRESSED_RATIO * stored:
            raise ValueError(
                f"dataset '{self.path}' declares {self._bytes} bytes and stores {stored}"
            )
        if chunks is not None:
            self._check_chunk_bytes(chunks)

    def _check_chunk_bytes(self, chunks: tuple[int, ...]) -> None:
        size = _chunk_bytes(chunks, self._dataset.dtype)
        if size > max(self._bytes, SMALL_CHUNK_BYTES):
            raise ValueError(
                f"dataset '{self.path}' of {self._bytes} bytes is cut into chunks of {size} bytes"
            )

    def _check_chunks(self) -> None:
        """Inflate gzip chunks with a bound: the HDF5 library itself would inflate without one."""
        filters = _filters(self._dataset)
        if _DEFLATE not in filters:
            return
        if set(filters[filters.index(_DEFLATE) + 1 :]) - {_FLETCHER32}:
            raise ValueError(f"gzip is followed by other filters: {filters}")
        trailer = _FLETCHER32_BYTES if filters[-1] == _FLETCHER32 else 0
        limit = _chunk_bytes(self._dataset.chunks, self._dataset.dtype) + _FLETCHER32_BYTES
        for index in range(self._dataset.id.get_num_chunks()):
            offset = self._dataset.id.get_chunk_info(index).chunk_offset
            mask, raw = self._dataset.id.read_direct_chunk(offset)
            if not mask:
                _check_inflated(raw[: len(raw) - trailer], limit)

    @property
    def address(self) -> int:
        """Place in the file, equal for two names of one object."""
        return _address(self._dataset, self.path)


def total_size(datasets: Iterable[Dataset]) -> int:
    """Return how many numbers some datasets hold together, each object of the file once."""
    return sum({dataset.address: dataset.size for dataset in datasets}.values())


def _address(item: h5py.Group | h5py.Dataset, path: str) -> int:
    import h5py

    with reading(f"'{path}'"):
        return int(h5py.h5o.get_info(item.id).addr)


def _filters(dataset: h5py.Dataset) -> list[int]:
    properties = dataset.id.get_create_plist()
    return [int(properties.get_filter(i)[0]) for i in range(properties.get_nfilters())]


def _chunk_bytes(chunks: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return int(np.prod(chunks, dtype=object)) * dtype.itemsize


def _check_inflated(compressed: bytes, limit: int) -> None:
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(compressed, limit + 1)
    except zlib.error as error:
        raise ValueError(f"a gzip chunk is damaged: {error}") from error
    if len(inflated) > limit:
        raise ValueError(f"a gzip chunk inflates to more than its {limit} bytes")


def _check_shape(shape: tuple[int, ...] | None, path: str) -> None:
    if shape is None or len(shape) > MAX_RANK:
        raise ValueError(f"dataset '{path}' has the shape {shape}, not one of rank 0 to {MAX_RANK}")


def _is_standard(stored: h5py.h5t.TypeID, dtype: np.dtype[Any]) -> bool:
    """Tell the number types of NumPy from those a file may define bit by bit."""
    import h5py

    return dtype.metadata is None and bool(stored.equal(h5py.h5t.py_create(dtype)))


def _texts(values: Any) -> list[str]:
    array = np.asarray(values)
    if array.size > MAX_OBJECTS:
        raise ValueError(f"a list of {array.size} names, at most {MAX_OBJECTS} are read")
    return [_decoded(value) for value in array.ravel().tolist()]


def _decoded(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, str):
        value.encode("utf-8")  # h5py hands bytes that are no UTF-8 over as lone surrogates
        return str(value)
    raise ValueError(f"expected text in an HDF5 attribute, received {type(value).__name__}")
