"""`load_model` and `load_weights`: from a file of any Keras to a model that computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnnfast.engine.allocation import weights_from_file
from cnnfast.engine.base_layer import Layer
from cnnfast.layers.registry import LAYERS
from cnnfast.models import Model, Sequential
from cnnfast.saving import legacy_h5, weights_h5
from cnnfast.saving.archive import Archive, read_folder, read_zip, read_zip_weights
from cnnfast.saving.compiled import legacy_arguments, restore
from cnnfast.saving.config import (
    Config,
    check_limits,
    check_supported,
    is_model,
    layer_name,
    model_layers,
    parse_json,
)
from cnnfast.saving.hdf5 import Group, open_hdf5
from cnnfast.saving.source import Filepath, described, kind, opened
from cnnfast.saving.transfer import LayerTransfer, carry_out
from cnnfast.saving.upgrade import generation, modernize, plain_values
from cnnfast.serialization import custom_object_scope

# What a small model may have beyond the numbers in its file, so that a mismatch of shapes is
# reported as one.
_SPARE_ELEMENTS = 1 << 22
_LAMBDA_KEYS = ("name", "trainable", "dtype")


def load_model(
    filepath: Filepath,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Model:
    """Load a model that any Keras from 1 to 3 saved.

    The format is recognized by the content: a `.keras` archive or the folder it unpacks to, or an
    HDF5 file. Only classes of cnnfast and those of `custom_objects` are made; a file can never
    run code.

    Args:
        filepath: Path, or a seekable binary file object.
        custom_objects: Classes and functions of your own by the names the file has for them. A
            layer is also found by its own name, which is how to replace a Lambda: the class gets
            the layer's name, `trainable` and `dtype`, never the code.
        compile: Compile the model as the file says, with the state of its optimizer, so that
            training goes on where it stopped.
        safe_mode: Accepted for compatibility: code is never run from a file, whatever it says.

    Returns:
        The model, with its weights.

    Raises:
        FileNotFoundError: There is nothing at `filepath`.
        ValueError: The file is damaged, breaks a limit, or uses unsupported layers (all are
            named), or losses, metrics and optimizers of a user that `custom_objects` lacks; the
            message begins with the file's name.
        TypeError: A class in `custom_objects` does not derive from cnnfast's Layer.

    Example:
        >>> model = load_model("digits.keras")          # doctest: +SKIP
        >>> model.predict(images).shape                 # doctest: +SKIP
        (32, 10)
    """
    del safe_mode
    custom = dict(custom_objects or {})
    with opened(filepath) as source, _naming(filepath, "load a model"):
        if isinstance(source, Path):
            with read_folder(source) as archive:
                return _from_archive(archive, custom, compile)
        if kind(source) == "zip":
            return _from_archive(read_zip(source), custom, compile)
        with open_hdf5(source) as root:
            return _from_hdf5(root, custom, compile)


def load_weights(
    model: Model, filepath: Filepath, skip_mismatch: bool = False, by_name: bool = False
) -> None:
    """Fill the variables of a model from a file.

    Args:
        model: A built model.
        filepath: A `.weights.h5` or `.keras` file or folder, or a legacy HDF5 file with weights
            alone or with a whole model: a path, or a seekable binary file object.
        skip_mismatch: Leave layers that do not match the file as they are, with a warning each.
        by_name: Match layers by name instead of order, and leave layers without a counterpart
            as they are; for legacy HDF5 files only.

    Raises:
        FileNotFoundError: There is nothing at `filepath`.
        ValueError: The file is damaged or does not match the model, which then is unchanged; or
            `by_name` is asked of a file that does not record names; or the model is not built.
    """
    if not model.built:
        raise ValueError(
            f"Model '{model.name}' has no weights yet. Build it, or call it on data, before "
            f"loading weights from {described(filepath)}."
        )
    with opened(filepath) as source, _naming(filepath, "load weights"):
        if isinstance(source, Path):
            with read_folder(source) as archive, open_hdf5(archive.weights) as root:
                carry_out(_transfers(model, root, by_name), skip_mismatch)
        else:
            weights = read_zip_weights(source) if kind(source) == "zip" else source
            with open_hdf5(weights) as root:
                carry_out(_transfers(model, root, by_name), skip_mismatch)


@contextmanager
def _naming(filepath: Filepath, action: str) -> Iterator[None]:
    """Put the name of the file in front of an error about its content."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Cannot {action} from {described(filepath)}: {error}") from error


def _from_archive(archive: Archive, custom: dict[str, Any], compiles: bool) -> Model:
    metadata = parse_json(archive.metadata, "metadata.json")
    major = generation(metadata.get("keras_version"), default=3)
    entry = parse_json(archive.config, "config.json")
    with open_hdf5(archive.weights) as root:
        model = _built(entry, major, custom, weights_h5.elements(root))
        if compiles:
            restore(model, plain_values(entry.get("compile_config")), custom)
        carry_out(weights_h5.transfers(model, root), skip_mismatch=False)
    return model


def _from_hdf5(root: Group, custom: dict[str, Any], compiles: bool) -> Model:
    text = root.text("model_config")
    group = legacy_h5.weights_group(root)
    if text is None or group is None:
        raise ValueError(
            "the file holds no model, only weights: build the model and call "
            "model.load_weights(...)"
            if group is not None or weights_h5.is_weights(root)
            else "the HDF5 file holds no Keras model"
        )
    major = generation(root.text("keras_version"), default=1)
    entry = parse_json(text, "model_config")
    model = _built(entry, major, custom, legacy_h5.elements(group))
    transfers = legacy_h5.transfers(model, group, by_name=False)
    training = root.text("training_config")
    if compiles and training is not None:
        restore(model, legacy_arguments(training), custom)
        transfers += legacy_h5.optimizer_transfers(model, root)
    carry_out(transfers, skip_mismatch=False)
    return model


def _built(entry: Config, major: int, custom: dict[str, Any], elements: int) -> Model:
    """Check a configuration, bring it up to date and build its model with zero weights."""
    check_limits(entry)
    entry = modernize(_supplied(entry, custom), major)
    check_supported(entry, LAYERS, custom)
    with weights_from_file(elements + _SPARE_ELEMENTS), custom_object_scope(custom):
        model = _made(entry, custom)
    if elements and not model.built:
        raise ValueError("the model's configuration does not say the shape of its input")
    return model


def _made(entry: Config, custom: dict[str, Any]) -> Model:
    model_class = Sequential if entry["class_name"] == "Sequential" else Model
    try:
        return model_class.from_config(entry["config"], custom_objects=custom)
    except Exception as error:
        # A configuration is data of unknown origin: whatever it trips over is the file's fault.
        raise ValueError(f"its configuration is not valid: {_told(error)}") from error


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


def _supplied(entry: Config, custom: Mapping[str, Any]) -> Config:
    """Give layers that the caller replaces by name the class name under which they are found."""
    layers = [_supplied_layer(layer, custom) for layer in model_layers(entry)]
    config = entry["config"]
    return {**entry, "config": {**config, "layers": layers} if isinstance(config, dict) else layers}


def _supplied_layer(entry: Config, custom: Mapping[str, Any]) -> Config:
    if is_model(entry):
        return _supplied(entry, custom)
    name = next((key for key in (layer_name(entry), entry["class_name"]) if key in custom), None)
    if name is None:
        return entry
    _check_custom(name, custom[name])
    config = entry["config"]
    if entry["class_name"] == "Lambda":
        config = {key: config[key] for key in _LAMBDA_KEYS if key in config}
    return {**entry, "class_name": name, "registered_name": None, "config": config}


def _check_custom(name: str, supplied: Any) -> None:
    if not (isinstance(supplied, type) and issubclass(supplied, Layer)):
        raise TypeError(
            f"custom_objects[{name!r}] stands for a layer and must be a subclass of cnnfast's "
            f"Layer. Received: {supplied!r}"
        )


def _transfers(model: Model, root: Group, by_name: bool) -> list[LayerTransfer]:
    group = legacy_h5.weights_group(root)
    if group is not None:
        return legacy_h5.transfers(model, group, by_name)
    if by_name:
        raise ValueError("`by_name=True` needs a legacy HDF5 file, this one records no names")
    if not weights_h5.is_weights(root):
        raise ValueError("the HDF5 file holds no Keras weights")
    return weights_h5.transfers(model, root)
