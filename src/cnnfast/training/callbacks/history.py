"""What `fit` returns."""

from __future__ import annotations

from typing import Any

from cnnfast.training.callbacks.base import Callback, Logs


class History(Callback):
    """Keeps losses and metrics of each epoch.

    Attributes:
        history: a list for each of them, one number an epoch.
        epoch: numbers of the epochs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def set_model(self, model: Any) -> None:
        """Learn which model is trained; it keeps the history as `model.history`.

        Args:
            model: the model.
        """
        super().set_model(model)
        model.history = self

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget the numbers of the epochs before; what they logged stays, as in Keras."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Append an epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
