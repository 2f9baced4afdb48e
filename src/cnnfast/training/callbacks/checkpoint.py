"""Models saved while they are trained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from cnnfast.training.callbacks.base import Logs
from cnnfast.training.callbacks.monitor import MonitorCallback


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after each epoch.

    Args:
        filepath: path of the file, whose folder is made if it is missing. It may hold names in
            braces, such as "{epoch:02d}-{val_loss:.2f}.keras"; epochs count from 1.
        monitor: name of the loss or metric that tells which model is best.
        verbose: 1 to tell.
        save_best_only: save only what is better than everything before.
        save_weights_only: save only the weights, in a file that ends in `.weights.h5`.
        mode: "min", "max", or "auto" to tell from the name.
        save_freq: "epoch", or a number of batches after each of which the model is saved.
        initial_value_threshold: what the first model must be better than.

    Raises:
        ValueError: the name has another ending, or `save_freq` is something else.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self._every = Every(save_freq)
        self._epoch = 0
        endings = (".weights.h5",) if save_weights_only else (".keras", ".h5", ".hdf5")
        if not self.filepath.endswith(endings):
            what = "When using `save_weights_only=True` in `ModelCheckpoint`, t"
            raise ValueError(
                f"{what if save_weights_only else 'T'}he filepath provided must end in "
                f"`{endings[0]}`. Received: filepath={self.filepath}"
            )

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the number of the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save the model if it is time."""
        super().on_train_batch_end(batch, logs)
        if self._every.is_due(batch):
            self._save(self._epoch, {"batch": batch + 1, **(logs or {})})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save the model if it is time."""
        if self._every.epoch:
            self._save(epoch, logs or {})

    def _save(self, epoch: int, logs: Logs) -> None:
        path = self._path(epoch, logs)
        if self.save_best_only and not self._is_best(epoch, logs, path):
            return
        if not self.save_best_only:
            self._tell(epoch, f"saving model to {path}")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path, overwrite=True)
        self._tell(epoch, f"finished saving model to {path}")

    def _path(self, epoch: int, logs: Logs) -> str:
        try:
            return self.filepath.format(**{**logs, "epoch": epoch + 1})
        except KeyError as error:
            raise KeyError(
                f'Failed to format this callback filepath: "{self.filepath}". Reason: {error}'
            ) from error

    def _is_best(self, epoch: int, logs: Logs, path: str) -> bool:
        current: Any = self.watched(logs, "Can save best model only with")
        if current is None:
            return True
        if np.ndim(current):
            raise ValueError(
                f"ModelCheckpoint can compare single numbers only. Received: {self.monitor}="
                f"{current!r}"
            )
        before = "None" if self.best is None else f"{self.best:.5f}"
        if not self.is_better(current, self.best):
            self._tell(epoch, f"{self.monitor} did not improve from {before}")
            return False
        self._tell(
            epoch, f"{self.monitor} improved from {before} to {current:.5f}, saving model to {path}"
        )
        self.best = current
        return True

    def _tell(self, epoch: int, message: str) -> None:
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: {message}")


class Every:
    """When to save: after each epoch, or after a number of batches.

    Args:
        frequency: "epoch" or the number.

    Raises:
        ValueError: it is something else.
    """

    def __init__(self, frequency: Any) -> None:
        is_number = isinstance(frequency, int) and not isinstance(frequency, bool) and frequency > 0
        if frequency != "epoch" and not is_number:
            raise ValueError(
                f"Unrecognized save_freq: {frequency!r}. Expected save_freq are 'epoch' or "
                "positive integer values"
            )
        self.epoch = frequency == "epoch"
        self._batches: int = 0 if self.epoch else frequency
        self._waiting = 0
        self._last = -1

    def is_due(self, batch: int) -> bool:
        """Tell whether it is time after a batch.

        Args:
            batch: its number in the epoch.
        """
        self._waiting += batch - self._last if batch > self._last else batch + 1
        self._last = batch
        if self.epoch or self._waiting < self._batches:
            return False
        self._waiting = 0
        return True
