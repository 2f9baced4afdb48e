"""Order, layout and names of weights in the HDF5 files of Keras 1 and 2."""

from __future__ import annotations

import io

import numpy as np
import pytest

from cnnfast.layers import BatchNormalization, Conv1D, Conv2D, Dense
from cnnfast.models import Sequential
from cnnfast.saving import legacy_h5, load_weights
from cnnfast.saving.hdf5 import open_hdf5
from kerasfiles import legacy_bytes

RANDOM = np.random.default_rng(3)
IMAGES = RANDOM.normal(size=(3, 2, 4, 5)).astype(np.float32)
SEQUENCES = RANDOM.normal(size=(3, 4, 5)).astype(np.float32)


def filled(model, kernel, **options):
    """Load one kernel into the first layer of a model, and return what became of it."""
    content = legacy_bytes(config={}, layers={"layer": {"kernel": kernel}}, **options)
    load_weights(model, io.BytesIO(content))
    return model.get_weights()[0]


def images(data_format="channels_last"):
    shape = (9, 9, 4) if data_format == "channels_last" else (4, 9, 9)
    options = {"use_bias": False, "data_format": data_format}
    return Sequential([Conv2D(5, (3, 2), input_shape=shape, **options)])


def sequences():
    return Sequential([Conv1D(5, 3, use_bias=False, input_shape=(9, 4))])


@pytest.mark.parametrize("version", ["1.2.2", "2.0.5", "3.1.0"])
@pytest.mark.parametrize("backend", ["tensorflow", "cntk", None])
def test_kernel_of_other_backends_is_taken_as_stored(version, backend):
    kernel = filled(images(), IMAGES, version=version, backend=backend)
    np.testing.assert_array_equal(kernel, IMAGES)


@pytest.mark.parametrize("version", ["1.2.2", "2.1.0"])
def test_kernel_of_theano_is_turned_around(version):
    kernel = filled(images(), IMAGES, version=version, backend="theano")
    np.testing.assert_array_equal(kernel, IMAGES[::-1, ::-1])


def test_sequence_kernel_of_theano_is_turned_around():
    kernel = filled(sequences(), SEQUENCES, backend="theano")
    np.testing.assert_array_equal(kernel, SEQUENCES[::-1])


def test_dense_kernel_of_theano_is_taken_as_stored():
    kernel = RANDOM.normal(size=(3, 4)).astype(np.float32)
    model = Sequential([Dense(4, use_bias=False, input_dim=3)])
    np.testing.assert_array_equal(filled(model, kernel, backend="theano"), kernel)


@pytest.mark.parametrize("version", ["1.2.2", None])
def test_keras_1_kernel_with_channels_first_has_its_filters_first(version):
    stored = IMAGES.transpose(3, 2, 0, 1)
    kernel = filled(images("channels_first"), stored, version=version)
    np.testing.assert_array_equal(kernel, IMAGES)


def test_keras_1_theano_kernel_is_reordered_and_turned_around():
    stored = IMAGES.transpose(3, 2, 0, 1)
    kernel = filled(images("channels_first"), stored, version="1.2.2", backend="theano")
    np.testing.assert_array_equal(kernel, IMAGES[::-1, ::-1])


@pytest.mark.parametrize(
    "stored", [SEQUENCES[:, None], SEQUENCES.transpose(2, 1, 0)[..., None]], ids=["new", "old"]
)
def test_keras_1_sequence_kernel_loses_its_axis_of_one(stored):
    np.testing.assert_array_equal(filled(sequences(), stored, version="1.1.0"), SEQUENCES)


@pytest.mark.parametrize("stored", [SEQUENCES, IMAGES, SEQUENCES[:1]])
def test_keras_1_sequence_kernel_of_another_shape_is_refused(stored):
    with pytest.raises(ValueError, match="expects the shape"):
        filled(sequences(), stored, version="1.1.0")


def frozen_first():
    first = Dense(2, input_dim=2, name="a", trainable=False)
    return Sequential([first, BatchNormalization(name="b"), Dense(2, name="c")], name="inner")


def test_frozen_layers_of_a_nested_model_come_last():
    model = Sequential([frozen_first(), Dense(1)])
    order = [
        ("b", "gamma"),
        ("b", "beta"),
        ("c", "kernel"),
        ("c", "bias"),
        ("a", "kernel"),
        ("a", "bias"),
        ("b", "moving_mean"),
        ("b", "moving_variance"),
    ]
    values = {
        f"{layer}/{name}": RANDOM.normal(size=(2, 2)[: 1 + (name == "kernel")])
        for layer, name in order
    }
    last = {"kernel": np.ones((2, 1)), "bias": np.ones(1)}
    content = legacy_bytes(config={}, layers={"inner": values, "last": last})
    load_weights(model, io.BytesIO(content))
    for layer, name in order:
        found = {v.name: v.numpy() for v in model.layers[0].get_layer(layer).weights}[name]
        np.testing.assert_array_equal(found, values[f"{layer}/{name}"].astype(np.float32))


def test_groups_without_weights_do_not_count():
    model = Sequential([Dense(2, use_bias=False, input_dim=2)])
    kernel = np.eye(2, dtype=np.float32)
    layers = {"input_1": {}, "dense": {"dense/kernel:0": kernel}, "dropout": {}}
    load_weights(model, io.BytesIO(legacy_bytes(config={}, layers=layers)))
    np.testing.assert_array_equal(model.get_weights()[0], kernel)


def test_names_cut_into_pieces_are_joined():
    def write(file):
        names = file["model_weights"].attrs["layer_names"]
        del file["model_weights"].attrs["layer_names"]
        for number, name in enumerate(names):
            file["model_weights"].attrs[f"layer_names{number}"] = [name]

    layers = {f"dense_{i}": {"kernel": np.full((2, 2), i, np.float32)} for i in range(12)}
    model = Sequential([Dense(2, use_bias=False, input_dim=2) for _ in range(12)])
    load_weights(model, io.BytesIO(legacy_bytes(layers=layers, write=write)))
    assert [kernel[0, 0] for kernel in model.get_weights()] == list(range(12))


def test_elements_count_an_array_with_two_names_once():
    def write(file):
        group = file["model_weights/dense"]
        group["again"] = group["dense/kernel:0"]
        group.attrs["weight_names"] = [b"dense/kernel:0", b"again", b"again"]

    with open_hdf5(io.BytesIO(legacy_bytes(write=write))) as root:
        assert legacy_h5.elements(root.group("model_weights")) == 12


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([b"dense", b"dense"], "names one twice"),
        ([b"nothing"], "'model_weights/nothing' is missing"),
        ([b"/dense"], "is missing"),
        ([b".."], "is missing"),
        ([b""], "missing|cannot be read"),
        ([3], "is not text"),
    ],
)
def test_broken_lists_of_names_are_refused(names, reason):
    def write(file):
        file["model_weights"].attrs["layer_names"] = names

    model = Sequential([Dense(4, input_dim=3)])
    with pytest.raises(ValueError, match=reason):
        load_weights(model, io.BytesIO(legacy_bytes(write=write)))
