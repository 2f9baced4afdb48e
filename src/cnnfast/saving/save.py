"""`save_model` and `save_weights`: from a model to files that Keras reads."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from cnnfast.models import Model
from cnnfast.saving.archive_writing import write_archive
from cnnfast.saving.legacy_h5_writing import write_legacy_model, write_legacy_weights
from cnnfast.saving.replacement import may_write, replacing
from cnnfast.saving.weights_h5_writing import write_weights

SavePath = str | os.PathLike[str]

_LEGACY = (".h5", ".hdf5")


def save_model(
    model: Model,
    filepath: SavePath,
    overwrite: bool = True,
    zipped: bool | None = None,
    include_optimizer: bool = True,
    save_format: str | None = None,
) -> None:
    """Write a model to a file that Keras 3 and this package load.

    The file is written under another name and renamed when it is complete, so that whatever
    stops the program, a file that was there before is still whole. A layer that is in the model
    and also in a model inside it comes back as two layers of equal weights.

    Args:
        model: The model.
        filepath: Path that ends in `.keras`, or in `.h5` or `.hdf5` for the format of Keras 1
            and 2, whose folder is made if it is missing.
        overwrite: Replace a file that is there. Otherwise ask at the terminal.
        zipped: True or None. Folders are not written; `.keras` files are zip archives and can be
            unpacked to one.
        include_optimizer: Store how the model was compiled and the optimizer's state, too.
        save_format: "keras" or "h5", as Keras 2 took it; the name of the file decides.

    Raises:
        ValueError: The name has another ending.
        FileNotFoundError: The folder is missing.
        FileExistsError: There is a file, `overwrite` is False and nobody can be asked.
        TypeError: A layer has an argument that no file can hold, such as a lambda.

    Example:
        >>> save_model(model, "digits.keras")           # doctest: +SKIP
    """
    path = _checked_path(filepath)
    if zipped not in (None, True):
        raise ValueError(
            f"Only zipped .keras files and HDF5 files are written. Received: zipped={zipped!r}"
        )
    if not path.name.endswith((".keras", *_LEGACY)):
        raise ValueError(_wrong_ending(path, save_format))
    if not may_write(path, overwrite):
        return
    if not model.built:
        warnings.warn(
            "You are saving a model that has not yet been built. It might not contain any weights "
            "yet. Consider building the model first by calling it on some data.",
            stacklevel=3,
        )
    if path.name.endswith(_LEGACY):
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        write = write_legacy_model if path.name.endswith(_LEGACY) else write_archive
        write(file, model, include_optimizer)


def save_weights(model: Model, filepath: SavePath, overwrite: bool = True) -> None:
    """Write the variables of a model to a file, and those of its optimizer if it has one.

    Args:
        model: A built model.
        filepath: Path that ends in `.weights.h5`, or in another `.h5` or `.hdf5` for the format
            of Keras 1 and 2, which has no place for the optimizer.
        overwrite: Replace a file that is there. Otherwise ask at the terminal.

    Raises:
        ValueError: The name has another ending, or the model has no variables yet.
        FileNotFoundError: The folder is missing.
        FileExistsError: There is a file, `overwrite` is False and nobody can be asked.
    """
    path = _checked_path(filepath)
    if not path.name.endswith(_LEGACY):
        raise ValueError(
            "The filename must end in `.weights.h5`, or in `.h5` for the format of Keras 2. "
            f"Received: filepath={str(path)!r}"
        )
    if not model.built:
        raise ValueError(
            "You are saving a model that has not yet been built. Try building the model first by "
            "calling it on some data or by using `build()`."
        )
    if not may_write(path, overwrite):
        return
    write = write_weights if path.name.endswith(".weights.h5") else write_legacy_weights
    with replacing(path) as file:
        write(file, model)


def _checked_path(filepath: SavePath) -> Path:
    if not isinstance(filepath, str | os.PathLike):
        raise TypeError(
            f"`filepath` must be a path. Received: {filepath!r} (of type {type(filepath).__name__})"
        )
    return Path(filepath)


def _wrong_ending(path: Path, save_format: str | None) -> str:
    asked = f", save_format={save_format!r}" if save_format else ""
    return (
        "Invalid filepath extension for saving. Please add either a `.keras` extension for the "
        "native Keras format (recommended) or a `.h5` extension. TensorFlow's SavedModel is not "
        f"written. Received: filepath={str(path)!r}{asked}"
    )
