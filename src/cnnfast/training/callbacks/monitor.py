"""What callbacks share that watch a loss or metric: which way is better, and by how much."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from cnnfast.training.callbacks.base import Callback, Logs

# Ends of the names of losses and errors, and of what grows when a model gets better.
_LOWER = ("loss", "error", "entropy", "divergence", "hinge", "poisson", "logcosh", "log_cosh")
_LOWER_NAMES = frozenset(
    ("mse", "mae", "mape", "msle", "rmse", "kld", "bce", "huber", "dice", "tversky")
)
_FALSE = ("false_positives", "false_negatives")
_HIGHER = ("acc", "accuracy", "auc", "precision", "recall", "iou", "io_u", "similarity", "score")
_HIGHER_NAMES = frozenset(("true_positives", "true_negatives"))


class MonitorCallback(Callback):
    """Base of callbacks that watch one number.

    Args:
        monitor: its name in the logs.
        mode: "min", "max", or "auto" to tell from the name.
        best: what the first value must be better than; None for nothing.
        min_delta: a smaller change than this is none.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        best: float | None = None,
        min_delta: float = 0,
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode.",
                stacklevel=3,
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = best
        self.min_delta = abs(min_delta)

    def is_better(self, value: float, reference: float | None) -> bool:
        """Tell whether a value is better than another by more than `min_delta`.

        Args:
            value: new.
            reference: old; None if there is none.

        Raises:
            ValueError: nobody says whether more or less is better.
        """
        lower = self._lower_is_better()
        if reference is None:
            return True
        # Rounded to float32 before the comparison, as Keras does: 0.3 - 0.1 is no better than 0.2.
        old = np.float32(reference)
        if lower:
            return bool(np.float32(value + self.min_delta) < old)
        return bool(np.float32(value - self.min_delta) > old)

    def _lower_is_better(self) -> bool:
        if self.mode != "auto":
            return self.mode == "min"
        name = self.monitor.removeprefix("val_")
        direction = next((way for way in (self._told(name), _known(name)) if way is not None), None)
        if direction is None:
            raise ValueError(
                f"{type(self).__name__} callback received monitor={self.monitor}, but it isn't "
                "possible to automatically determine whether that metric should be maximized or "
                "minimized. Pass `mode='max'` in order to monitor based on the highest metric "
                "value, or pass `mode='min'` in order to use the lowest value."
            )
        return direction == "down"

    def _told(self, name: str) -> str | None:
        """Ask the model's metric of this name, in which direction it gets better."""
        for metric in getattr(self.model, "metrics", None) or ():
            if getattr(metric, "name", None) == name:
                direction: str | None = getattr(metric, "direction", None)
                return direction or getattr(metric, "_direction", None)
        return None

    def watched(self, logs: Logs | None, purpose: str) -> Any:
        """Find the number in the logs; a warning tells if it is missing.

        Args:
            logs: of the epoch.
            purpose: begins the warning.
        """
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{purpose} metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs or {})}",
                stacklevel=3,
            )
        return value


def _known(name: str) -> str | None:
    if name in _HIGHER_NAMES or name.endswith(_HIGHER):
        return "up"
    return "down" if name in _LOWER_NAMES or name.endswith((*_LOWER, *_FALSE)) else None
