"""Training that goes on after the program was killed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from cnnfast.training.callbacks.base import Callback, Logs
from cnnfast.training.callbacks.checkpoint import Every

_STATE = "training_metadata.json"


class BackupAndRestore(Callback):
    """Keeps the state of training on disk, and begins with it where there is one.

    The state is what ends an epoch: the weights, the optimizer's state, the number of the next
    epoch and the seed of the order of samples. A training that was killed and is started again by
    the same program therefore ends with the same weights. The number of an epoch stands in one
    small file that is replaced last: a program killed while it saves leaves the state before.

    Args:
        backup_dir: folder for the state, which belongs to one training alone.
        save_freq: "epoch", or a number of batches. What was saved inside an epoch goes on with
            the weights of that moment at the beginning of the epoch, as in Keras.
        double_checkpoint: accepted for Keras's sake; the old state is always kept until the new
            one is complete.
        delete_checkpoint: remove the folder when training has ended.

    Raises:
        ValueError: the folder has no name, or `save_freq` is something else.
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not os.fspath(backup_dir):
            raise ValueError("Empty `backup_dir` argument passed")
        self.backup_dir = Path(backup_dir)
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._every = Every(save_freq)
        self._epoch = 0
        self._saved = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Restore the state, if there is one.

        Raises:
            ValueError: the model is not built, or the state is that of another model.
        """
        if not self.model.built:
            raise ValueError(
                "To use the BackupAndRestore callback, your model must be built before you call "
                f"`fit()`. Model {self.model} is unbuilt. You can build it beforehand by calling "
                "it on a batch of data."
            )
        state = self._read()
        if state is None:
            return
        self.model.load_weights(self.backup_dir / state["weights"])
        self.model._initial_epoch = self._epoch = state["epoch"]
        self.model.fit_seed = state["seed"]
        self._saved = state["saved"]

    def _read(self) -> dict[str, Any] | None:
        path = self.backup_dir / _STATE
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = json.loads(path.read_text())
            return {key: state[key] for key in ("epoch", "seed", "saved", "weights")}
        except (ValueError, KeyError) as error:
            raise ValueError(f"'{path}' is not the state of a training: {error!r}") from error

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save the state."""
        self._epoch = epoch + 1
        if self._every.epoch:
            self._save()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save the state if it is time."""
        super().on_train_batch_end(batch, logs)
        if self._every.is_due(batch):
            self._save()

    def _save(self) -> None:
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        self._saved += 1
        name = f"state_{self._saved % 2}.weights.h5"
        self.model.save_weights(self.backup_dir / name, overwrite=True)
        seed = getattr(self.model, "fit_seed", None)
        state = {"epoch": self._epoch, "seed": seed, "saved": self._saved, "weights": name}
        self.write_state(json.dumps(state))

    def write_state(self, text: str) -> None:
        """Replace the file that says which weights count.

        Args:
            text: the state as JSON.
        """
        unfinished = self.backup_dir / f"{_STATE}.tmp"
        with unfinished.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.backup_dir / _STATE)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Remove the state."""
        if self.delete_checkpoint:
            shutil.rmtree(self.backup_dir, ignore_errors=True)
