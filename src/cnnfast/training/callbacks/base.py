"""What happens at fixed points of training, evaluation and prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Logs = dict[str, Any]


class Callback:
    """Base of callbacks: methods that are called at fixed points.

    Attributes:
        model: that is trained.
        params: "verbose", "epochs" and "steps" of the call.
    """

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}

    def set_params(self, params: dict[str, Any]) -> None:
        """Learn how training was called.

        Args:
            params: "verbose", "epochs" and "steps".
        """
        self.params = params

    def set_model(self, model: Any) -> None:
        """Learn which model is trained.

        Args:
            model: the model.
        """
        self.model = model

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Run before training."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Run after training, with what the last epoch ended with."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Run before an evaluation, also one inside training."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Run after an evaluation, with its results."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Run before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Run after a prediction."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Run before an epoch, whose numbers begin with 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Run after an epoch, with loss and metrics, those of validation as "val_...".

        What a method adds to `logs` is seen by the callbacks behind it.
        """

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a training step."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a training step, with loss and metrics since the epoch began."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a training step."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a training step, with loss and metrics since the epoch began."""
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a step of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a step of an evaluation."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a step of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a step of a prediction, with "outputs"."""


class LambdaCallback(Callback):
    """Calls functions.

    Args:
        on_epoch_begin: called with (epoch, logs); likewise `on_epoch_end`.
        on_epoch_end: see above.
        on_train_begin: called with (logs); likewise `on_train_end`.
        on_train_end: see above.
        on_train_batch_begin: called with (batch, logs); likewise `on_train_batch_end`.
        on_train_batch_end: see above.
        **others: functions for the other methods, by name.
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **others: Any,
    ) -> None:
        super().__init__()
        named = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        given = {name: function for name, function in named.items() if function is not None}
        vars(self).update(others | given)


class CallbackList:
    """Passes every call on to several callbacks, in their order.

    It has the methods of `Callback`.

    Args:
        callbacks: callbacks, possibly in lists of lists; one alone, or None.
        model: that is trained.
        **params: see `Callback.set_params`.

    Raises:
        TypeError: something is no callback.
    """

    def __init__(self, callbacks: Any = None, model: Any = None, **params: Any) -> None:
        self.callbacks = list(_flat(callbacks))
        for callback in self.callbacks:
            callback.set_params(params)
            if model is not None:
                callback.set_model(model)

    def append(self, callback: Callback) -> None:
        """Add a callback behind the others.

        Args:
            callback: it is given neither model nor parameters.
        """
        self.callbacks.append(callback)

    def hears(self, *hooks: str) -> bool:
        """Tell whether any callback does something at these points.

        A training loop need not compute what nobody looks at.

        Args:
            hooks: names of methods, such as "on_train_batch_end".
        """
        return any(_does_something(callback, hook) for callback in self.callbacks for hook in hooks)

    def __getattr__(self, hook: str) -> Callable[..., None]:
        if not hook.startswith("on_"):
            raise AttributeError(f"CallbackList has no attribute {hook!r}")

        def call_all(*arguments: Any) -> None:
            for callback in self.callbacks:
                getattr(callback, hook)(*arguments)

        return call_all


def _flat(callbacks: Any) -> Iterable[Any]:
    if callbacks is None:
        return
    if isinstance(callbacks, list | tuple):
        for callback in callbacks:
            yield from _flat(callback)
        return
    if isinstance(callbacks, type) or not hasattr(callbacks, "on_epoch_end"):
        raise TypeError(
            f"`callbacks` must hold Callback objects. Received: {callbacks!r} "
            f"(of type {type(callbacks).__name__})"
        )
    yield callbacks


_FORWARDED = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


def _does_something(callback: Any, hook: str) -> bool:
    names = [name for name in (hook, _FORWARDED.get(hook)) if name]
    return any(
        name in vars(callback) or getattr(type(callback), name, None) is not getattr(Callback, name)
        for name in names
    )
