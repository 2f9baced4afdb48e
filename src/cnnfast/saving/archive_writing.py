"""Writing the `.keras` format: a zip archive of two JSON texts and one HDF5 file."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import BinaryIO

from cnnfast.models import Model
from cnnfast.saving.archive import CONFIG, METADATA, WEIGHTS
from cnnfast.saving.model_text import KERAS_VERSION, model_text
from cnnfast.saving.weights_h5_writing import write_weights

_FIRST_DATE = (1980, 1, 1, 0, 0, 0)


def write_archive(file: BinaryIO, model: Model, with_optimizer: bool = True) -> None:
    """Write a model.

    Equal models give equal bytes except for the date in the metadata.

    Args:
        file: Empty file, open for writing.
        model: Any model.
        with_optimizer: Store the training setup and the optimizer's state too.

    Raises:
        TypeError: A layer has an argument that no file can hold.
    """
    config = model_text(model, with_optimizer)
    saved = time.strftime("%Y-%m-%d@%H:%M:%S")
    metadata = json.dumps({"keras_version": KERAS_VERSION, "date_saved": saved})
    weights = io.BytesIO()
    write_weights(weights, model, with_optimizer)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in ((METADATA, metadata), (CONFIG, config), (WEIGHTS, weights)):
            data = content.getbuffer() if isinstance(content, io.BytesIO) else content.encode()
            with archive.open(zipfile.ZipInfo(name, _FIRST_DATE), "w", force_zip64=True) as member:
                member.write(data)
