"""The lines that `fit` and `evaluate` show."""

from __future__ import annotations

from typing import Any

from cnnfast.models.progress import Progress
from cnnfast.training.callbacks.base import Callback, Logs


class ProgbarLogger(Callback):
    """Shows each epoch: 1 for a bar that grows, 2 for one line at its end."""

    def __init__(self) -> None:
        super().__init__()
        self._progress: Progress | None = None
        self._is_fit = False
        self._seen = 0

    @property
    def _verbose(self) -> int:
        verbose: Any = self.params.get("verbose", 1)
        return 1 if verbose == "auto" else int(verbose)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Note that evaluations belong to the epoch from now on."""
        self._is_fit = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Note that they do not any more."""
        self._is_fit = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Begin a line."""
        epochs = self.params.get("epochs") or 1
        if self._verbose and epochs > 1:
            print(f"Epoch {epoch + 1}/{epochs}")
        self._begin()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Let the bar grow."""
        self._update(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """End the line."""
        self._finish(logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Begin a line, if this is no validation."""
        if not self._is_fit:
            self._begin()

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Let the bar grow, if this is no validation."""
        if not self._is_fit:
            self._update(batch, logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """End the line, if this is no validation."""
        if not self._is_fit:
            self._finish(logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Begin a line."""
        self._begin()

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Let the bar grow."""
        self._update(batch, None)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """End the line."""
        self._finish(None)

    def _begin(self) -> None:
        self._seen = 0
        self._progress = Progress(self.params.get("steps"), self._verbose)

    def _update(self, batch: int, logs: Logs | None) -> None:
        self._seen = batch + 1
        if self._progress is not None:
            self._progress.update(self._seen, logs)

    def _finish(self, logs: Logs | None) -> None:
        if self._progress is not None:
            self._progress.finish(logs)
        self._progress = None
