"""Epochs over data: what `fit` and `evaluate` do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cnnfast.models.model import Model
from cnnfast.training.batch import Batch
from cnnfast.training.callbacks import CallbackList, History
from cnnfast.training.epochs import Epochs
from cnnfast.training.means import Means
from cnnfast.training.setup import Setup


class Validation:
    """Samples that a model is evaluated on between epochs.

    Args:
        epochs: gives the batches.
        every: epochs from one evaluation to the next, or the numbers, from 1, of those it follows.

    Raises:
        ValueError: `every` is less than one.
    """

    def __init__(self, epochs: Epochs, every: int | Iterable[int] = 1) -> None:
        self.epochs = epochs
        if isinstance(every, int) and every < 1:
            raise ValueError(
                f"`validation_freq` must be at least 1. Received: validation_freq={every}"
            )
        self._every = every if isinstance(every, int) else frozenset(every)

    def follows(self, epoch: int) -> bool:
        """Tell whether an epoch is followed by an evaluation.

        Args:
            epoch: its number, from 0.
        """
        if isinstance(self._every, int):
            return (epoch + 1) % self._every == 0
        return epoch + 1 in self._every


def fit(
    model: Model,
    setup: Setup,
    data: Epochs,
    history: History,
    calls: CallbackList,
    epochs: range,
    validation: Validation | None,
) -> History:
    """Train for some epochs.

    Args:
        model: compiled.
        setup: what it was compiled with.
        data: gives the batches.
        history: among the callbacks; is returned.
        calls: the callbacks.
        epochs: numbers of the epochs.
        validation: samples to evaluate in between; None for no evaluation.
    """
    model.stop_training = False
    model._initial_epoch = epochs.start
    logs: dict[str, Any] = {}
    calls.on_train_begin({})
    # A callback may have gone back to the state of a training that was killed.
    data.source.seed = model.fit_seed or 0
    for epoch in range(model._initial_epoch, epochs.stop):
        calls.on_epoch_begin(epoch, {})
        logs = train_epoch(model, setup, data.epoch(epoch), calls)
        if not logs:  # the data ended before
            break
        if validation is not None and validation.follows(epoch):
            found = evaluate(setup, validation.epochs, calls)
            logs |= {f"val_{name}": value for name, value in found.items()}
            logs = {name: logs[name] for name in sorted(logs)}
        calls.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    setup.finish()
    calls.on_train_end(logs)
    return history


def train_epoch(
    model: Model, setup: Setup, batches: Iterable[Batch], calls: CallbackList
) -> dict[str, Any]:
    """Take one step for each batch, until a callback stops the training.

    Args:
        model: compiled.
        setup: of the model.
        batches: of the epoch.
        calls: the callbacks.

    Returns:
        Losses and metrics.
    """
    means = Means(setup)
    begins, ends = calls.hears("on_train_batch_begin"), calls.hears("on_train_batch_end")
    for index, batch in enumerate(batches):
        if begins:
            calls.on_train_batch_begin(index, {})
        with setup.turn:
            means.add(batch, setup.train(batch))
        if ends:
            calls.on_train_batch_end(index, means.results())
        if model.stop_training:
            break
    return means.results()


def evaluate(setup: Setup, data: Epochs, calls: CallbackList) -> dict[str, Any]:
    """Compute losses and metrics over all samples, as the model predicts.

    Args:
        setup: of the model.
        data: gives the batches.
        calls: the callbacks.

    Returns:
        Losses and metrics.
    """
    means = Means(setup)
    begins, ends = calls.hears("on_test_batch_begin"), calls.hears("on_test_batch_end")
    calls.on_test_begin({})
    for index, batch in enumerate(data.epoch(0)):
        if begins:
            calls.on_test_batch_begin(index, {})
        with setup.turn:
            means.add(batch, setup.evaluation.judge(batch))
        if ends:
            calls.on_test_batch_end(index, means.results())
    found = means.results()
    calls.on_test_end(found)
    return found
