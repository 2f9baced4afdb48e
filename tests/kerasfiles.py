"""Small Keras files, written by hand with h5py and zipfile: sound ones to damage, and odd ones."""

from __future__ import annotations

import io
import json
import zipfile

import h5py
import numpy as np

KERNEL = np.arange(12, dtype=np.float32).reshape(3, 4) / 16 - 0.25
BIAS = np.array([0.5, -0.25, 0.125, 1.0], np.float32)


def layer(class_name, name, **arguments):
    """Describe a layer the way all generations of Keras do."""
    return {"class_name": class_name, "config": {"name": name, **arguments}}


def dense_model(units=4, features=3, **arguments):
    """Describe a Sequential of one Dense layer."""
    first = layer("InputLayer", "input", batch_shape=[None, features])
    layers = [first, layer("Dense", "dense", units=units, **arguments)]
    return {"class_name": "Sequential", "config": {"name": "model", "layers": layers}}


def weights_bytes(arrays=None, write=None):
    """Return a `.weights.h5` file of arrays by path; `write` may add to it."""
    if arrays is None:
        arrays = {"layers/dense/vars/0": KERNEL, "layers/dense/vars/1": BIAS}
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for path, array in arrays.items():
            file[path] = array
        if write is not None:
            write(file)
    return buffer.getvalue()


def keras_bytes(config=None, weights=None, version="3.9.0", extra=(), **options):
    """Return a `.keras` archive; `extra` members go in front."""
    config = dense_model() if config is None else config
    members = {
        "metadata.json": json.dumps({"keras_version": version}),
        "config.json": config if isinstance(config, str | bytes) else json.dumps(config),
        "model.weights.h5": weights_bytes() if weights is None else weights,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, content in (*extra, *members.items()):
            archive.writestr(name, content)
    return buffer.getvalue()


def legacy_bytes(config=None, layers=None, version="2.2.4", backend="tensorflow", write=None):
    """Return a legacy HDF5 file of a model; `layers` holds the arrays of each layer by name."""
    config = dense_model() if config is None else config
    if layers is None:
        layers = {"dense": {"dense/kernel:0": KERNEL, "dense/bias:0": BIAS}}
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        if config:
            file.attrs["model_config"] = json.dumps(config)
            write_version(file, version, backend)
        group = file.create_group("model_weights") if config else file
        write_layers(group, layers)
        write_version(group, version, backend)
        if write is not None:
            write(file)
    return buffer.getvalue()


def write_version(group, version, backend):
    """Write what older versions of Keras left out, if it is given."""
    for name, value in (("keras_version", version), ("backend", backend)):
        if value is not None:
            group.attrs[name] = value.encode()


def write_layers(group, layers):
    """Write groups of layers with the lists of their names."""
    group.attrs["layer_names"] = [name.encode() for name in layers]
    for name, arrays in layers.items():
        inner = group.create_group(name)
        inner.attrs["weight_names"] = [path.encode() for path in arrays]
        for path, array in arrays.items():
            inner[path] = array
