"""HDF5 under guard: no links, no foreign data, no sizes that the file does not hold."""

from __future__ import annotations

import io
import zlib

import h5py
import numpy as np
import pytest

from cnnfast.saving import hdf5
from cnnfast.saving.hdf5 import open_hdf5, total_size

VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


def written(write):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write(file)
    buffer.seek(0)
    return buffer


def dataset_of(write):
    """Open the file that `write` fills and read its dataset 'data'."""
    with open_hdf5(written(write)) as root:
        return root.dataset("data").read()


def stored(**options):
    def write(file):
        file.create_dataset("data", data=options.pop("data", VALUES), **options)

    return write


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunks": (1, 3)},
        {"compression": "gzip"},
        {"compression": "gzip", "shuffle": True, "fletcher32": True},
        {"compression": "lzf"},
        {"chunks": (1, 2), "compression": "gzip", "compression_opts": 9},
    ],
)
def test_read_dataset_in_every_accepted_storage(options):
    values = dataset_of(stored(**options))
    np.testing.assert_array_equal(values, VALUES)
    assert values.dtype == np.float32
    assert values.flags.c_contiguous


@pytest.mark.parametrize("dtype", [">f4", "<f8", "<f2", "<i8", "u1", ">i2"])
def test_read_dataset_of_any_number_type_as_float32(dtype):
    values = dataset_of(stored(data=VALUES.astype(dtype)))
    np.testing.assert_array_equal(values, VALUES)
    assert values.dtype == np.float32


@pytest.mark.parametrize("shape", [(), (0,), (0, 3)])
def test_read_dataset_of_few_or_no_elements(shape):
    assert dataset_of(stored(data=np.ones(shape, np.float32))).shape == shape


@pytest.mark.parametrize(
    "data",
    [
        np.array([True, False]),
        np.array([b"text"]),
        np.array([1j]),
        np.zeros(2, [("a", "f4")]),
        np.array(["text"], h5py.string_dtype()),
        np.array([None], h5py.ref_dtype),
        np.zeros(0, h5py.vlen_dtype(np.float32)),
        np.zeros(2, h5py.opaque_dtype(np.dtype("V4"))),
    ],
    ids=["bool", "bytes", "complex", "compound", "text", "reference", "vlen", "opaque"],
)
def test_dataset_without_plain_numbers_is_refused(data):
    with pytest.raises(ValueError, match="expected plain numbers"):
        dataset_of(lambda file: file.create_dataset("data", data=data, dtype=data.dtype))


def test_dataset_without_a_shape_is_refused():
    with pytest.raises(ValueError, match="has the shape None"):
        dataset_of(lambda file: file.create_dataset("data", data=h5py.Empty("f4")))


def test_dataset_of_many_axes_is_refused():
    with pytest.raises(ValueError, match="not one of rank 0 to 8"):
        dataset_of(stored(data=np.ones((1,) * 9, np.float32)))


def soft(file):
    file["data"] = h5py.SoftLink("/real")
    file["real"] = VALUES


def external(file):
    file["data"] = h5py.ExternalLink("/etc/hostname", "/")


@pytest.mark.parametrize(
    ("write", "kind"), [(soft, "SoftLink"), (external, "ExternalLink")], ids=["soft", "external"]
)
def test_links_are_never_followed(write, kind):
    with pytest.raises(ValueError, match=f"'data' is a {kind}: links are never followed"):
        dataset_of(write)


def test_link_on_the_way_to_a_dataset_is_refused():
    def write(file):
        file["real/inner/data"] = VALUES
        file["outer/inner"] = h5py.SoftLink("/real/inner")

    with open_hdf5(written(write)) as root, pytest.raises(ValueError, match="'outer/inner' is a"):
        root.dataset("outer/inner/data")


def test_dataset_stored_in_another_file_is_refused(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(VALUES.tobytes())

    def write(file):
        file.create_dataset("data", (2, 3), "f4", external=[(str(secret), 0, 24)])

    with pytest.raises(ValueError, match="stored in another file"):
        dataset_of(write)


def test_virtual_dataset_is_refused(tmp_path):
    layout = h5py.VirtualLayout((2, 3), "f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "data", (2, 3))
    with pytest.raises(ValueError, match="is virtual"):
        dataset_of(lambda file: file.create_virtual_dataset("data", layout))


def test_dataset_that_declares_more_than_it_stores_is_refused():
    def write(file):
        file.create_dataset("data", (1 << 16, 1 << 16), "f4", chunks=(1, 1 << 10))

    with pytest.raises(ValueError, match=r"declares 17179869184 bytes|to more than"):
        dataset_of(write)


def test_datasets_that_together_declare_more_than_the_file_could_hold_are_refused(monkeypatch):
    monkeypatch.setattr(hdf5, "MAX_UNCOMPRESSED_RATIO", 1)
    monkeypatch.setattr(hdf5, "SMALL_BYTES", 100_000)

    def write(file):
        for name in "abcd":
            file.create_dataset(name, (20_000,), "f4", chunks=(10,))

    with open_hdf5(written(write)) as root, pytest.raises(ValueError, match="cannot hold"):
        root.datasets()


def test_unknown_filter_is_refused():
    def write(file):
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((2, 3))
        properties.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((2, 3))
        h5py.h5d.create(file.id, b"data", h5py.h5t.IEEE_F32LE, space, properties)

    with pytest.raises(ValueError, match=r"filters \[32015\]"):
        dataset_of(write)


def test_chunks_larger_than_the_dataset_are_refused():
    def write(file):
        file.create_dataset("data", (2, 3), "f4", maxshape=(None, None), chunks=(1 << 10, 1 << 10))

    with pytest.raises(ValueError, match="chunks of 4194304 bytes"):
        dataset_of(write)


def test_gzip_chunk_that_inflates_to_more_than_a_chunk_is_refused():
    def write(file):
        data = file.create_dataset("data", (2, 3), "f4", chunks=(2, 3), compression="gzip")
        data.id.write_direct_chunk((0, 0), zlib.compress(bytes(1 << 20)))

    with pytest.raises(ValueError, match="inflates to more than its"):
        dataset_of(write)


def test_damaged_gzip_chunk_is_refused():
    def write(file):
        data = file.create_dataset("data", (2, 3), "f4", chunks=(2, 3), compression="gzip")
        data.id.write_direct_chunk((0, 0), b"not gzip at all")

    with pytest.raises(ValueError, match="a gzip chunk is damaged"):
        dataset_of(write)


def test_missing_members_and_wrong_kinds_are_named():
    def write(file):
        file["group/data"] = VALUES

    with open_hdf5(written(write)) as root:
        with pytest.raises(ValueError, match="'nothing' is missing"):
            root.dataset("nothing")
        with pytest.raises(ValueError, match="'group' is a group, expected a dataset"):
            root.dataset("group")
        with pytest.raises(ValueError, match="'group/data' is a dataset, expected a group"):
            root.group("group/data")
        with pytest.raises(ValueError, match="'group/data' is a dataset, expected a group"):
            root.dataset("group/data/deeper")


def test_named_type_is_neither_group_nor_dataset():
    def write(file):
        file["data"] = np.dtype("f4")

    with pytest.raises(ValueError, match="neither a group nor a dataset"):
        dataset_of(write)


@pytest.mark.parametrize("value", ["text", b"text", np.bytes_(b"text")])
def test_text_attribute_of_any_kind_is_decoded(value):
    with open_hdf5(written(lambda file: file.attrs.create("a", value))) as root:
        assert root.text("a") == "text"


def test_text_attribute_missing_is_none():
    with open_hdf5(written(lambda file: None)) as root:
        assert root.text("a") is None
        assert root.texts("a") is None


@pytest.mark.parametrize("value", [3, np.arange(3), ["a", "b"], b"\xff", np.bytes_(b"\xff")])
def test_text_attribute_of_something_else_is_refused(value):
    file = written(lambda file: file.attrs.create("a", value))
    with open_hdf5(file) as root, pytest.raises(ValueError, match=r"text|codec"):
        root.text("a")


def test_texts_joins_numbered_pieces_in_order():
    def write(file):
        for number in range(11):
            file.attrs[f"names{number}"] = [f"layer{number}".encode()]

    with open_hdf5(written(write)) as root:
        assert root.texts("names") == [f"layer{number}" for number in range(11)]


def test_texts_of_an_empty_list_is_empty():
    with open_hdf5(written(lambda file: file.attrs.create("names", []))) as root:
        assert root.texts("names") == []


def test_large_attribute_is_refused(monkeypatch):
    monkeypatch.setattr(hdf5, "MAX_TEXT_BYTES", 10)
    file = written(lambda file: file.attrs.create("a", np.bytes_(b"x" * 11)))
    with open_hdf5(file) as root, pytest.raises(ValueError, match="declares 11 bytes"):
        root.text("a")


def test_datasets_lists_every_object_once_and_stops_at_cycles():
    def write(file):
        file["a/one"] = VALUES
        file["a/same"] = file["a/one"]
        file["a/up"] = file["/"]
        file["b/two"] = VALUES

    with open_hdf5(written(write)) as root:
        found = root.datasets()
        assert sorted(dataset.size for dataset in found) == [6, 6]
        assert total_size([*found, *found]) == 12


def test_too_many_objects_are_refused(monkeypatch):
    monkeypatch.setattr(hdf5, "MAX_OBJECTS", 3)

    def write(file):
        for number in range(3):
            file[f"{number}/data"] = VALUES

    with open_hdf5(written(write)) as root, pytest.raises(ValueError, match="more than 3 objects"):
        root.datasets()


@pytest.mark.parametrize("content", [b"", b"text", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_open_something_else_is_refused(content):
    with pytest.raises(ValueError, match="cannot be read"), open_hdf5(io.BytesIO(content)):
        pass


def test_attribute_of_numbers_of_any_length_is_refused_unread():
    def write(file):
        values = np.empty(1, object)
        values[0] = np.arange(3.0)
        file.attrs.create("a", values, dtype=h5py.vlen_dtype(np.float64))

    with open_hdf5(written(write)) as root, pytest.raises(ValueError, match="is not text"):
        root.texts("a")


def test_number_type_defined_bit_by_bit_is_refused():
    def write(file):
        kind = h5py.h5t.IEEE_F32LE.copy()
        kind.set_fields(31, 20, 11, 0, 20)
        h5py.h5d.create(file.id, b"data", kind, h5py.h5s.create_simple((3,)))

    with pytest.raises(ValueError, match="expected plain numbers"):
        dataset_of(write)
