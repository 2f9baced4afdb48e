"""Telling callbacks how training goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Callbacks:
    """Objects with Keras's methods, called together.

    Args:
        callbacks: each may lack methods that it does not need.
        model: that they get with `set_model`.
        params: that they get with `set_params`.
    """

    def __init__(self, callbacks: Sequence[Any], model: Any, params: dict[str, Any]) -> None:
        self._callbacks = list(callbacks)
        self._call("set_params", params)
        self._call("set_model", model)

    @property
    def heeds_batches(self) -> bool:
        """Whether results of each batch must be made for anyone."""
        return bool(self._callbacks)

    def __call__(self, event: str, *arguments: Any) -> None:
        """Announce an event.

        Args:
            event: name of the method.
            *arguments: its arguments; an empty dict of logs is added where they have none.
        """
        if self._callbacks:
            has_logs = bool(arguments) and isinstance(arguments[-1], dict)
            self._call(event, *(arguments if has_logs else (*arguments, {})))

    def _call(self, method: str, *arguments: Any) -> None:
        for callback in self._callbacks:
            function = getattr(callback, method, None)
            if function is not None:
                function(*arguments)
