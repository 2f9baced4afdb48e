"""A table of the epochs in a text file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from cnnfast.training.callbacks.base import Callback, Logs


class CSVLogger(Callback):
    """Writes a line for each epoch into a file.

    Args:
        filename: path of the file.
        separator: between the columns.
        append: keep the lines that are there, to go on with an earlier training.
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        super().__init__()
        self.filename = filename
        self.separator = separator
        self.append = append
        self._file: IO[Any] | None = None
        self._keys: list[str] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file."""
        self._close()
        self._keys = None
        mode = "a" if self.append else "w"
        self._file = Path(self.filename).open(mode, newline="")  # noqa: SIM115 - until the end

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write a line, and the head of the table if it is the first."""
        if self._file is None:
            return
        logs = logs or {}
        writer = csv.writer(self._file, delimiter=self.separator)
        if self._keys is None:
            self._keys = _columns(logs)
            if not self._file.tell():
                writer.writerow(["epoch", *self._keys])
        writer.writerow([epoch, *(_cell(logs.get(key, "NA")) for key in self._keys)])
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the file."""
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_file": None}


def _columns(logs: Logs) -> list[str]:
    """List the columns, those of a validation too that does not take place after every epoch."""
    keys = sorted(logs)
    has_validation = any(key.startswith("val_") for key in keys)
    return keys if has_validation else [*keys, *(f"val_{key}" for key in keys)]


def _cell(value: Any) -> Any:
    is_number = isinstance(value, np.ndarray) and value.ndim == 0
    if isinstance(value, str) or is_number or not isinstance(value, Iterable):
        return value
    return f'"[{", ".join(map(str, value))}]"'
