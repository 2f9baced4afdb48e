"""What `fit` returns."""

from __future__ import annotations

from typing import Any


class History:
    """Losses and metrics of each epoch.

    Attributes:
        history: a list for each of them, one number an epoch.
        epoch: numbers of the epochs.
        params: "verbose", "epochs" and "steps", as `fit` had them.
        model: that was trained.
    """

    def __init__(self, model: Any = None, params: dict[str, Any] | None = None) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []
        self.params = params or {}
        self.model = model

    def add(self, epoch: int, logs: dict[str, float]) -> None:
        """Append an epoch.

        Args:
            epoch: its number, from 0.
            logs: what is remembered, by name.
        """
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
