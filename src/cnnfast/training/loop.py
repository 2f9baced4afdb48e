"""Epochs over data: what `fit` and `evaluate` do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.models.model import Model
from cnnfast.random import draw_seed
from cnnfast.training.callbacks import Callbacks
from cnnfast.training.data import Arrays
from cnnfast.training.history import History
from cnnfast.training.means import Logs
from cnnfast.training.setup import Setup

DEFAULT_BATCH_SIZE = 32


def fit(
    model: Model,
    setup: Setup,
    data: Arrays,
    batch_size: int = DEFAULT_BATCH_SIZE,
    epochs: int = 1,
    initial_epoch: int = 0,
    shuffle: bool = True,
    validation: Arrays | None = None,
    callbacks: Sequence[Any] = (),
    verbose: int = 0,
) -> History:
    """Train for some epochs.

    Args:
        model: compiled.
        setup: what it was compiled with.
        data: samples.
        batch_size: samples in a step.
        epochs: number of the epoch to end before.
        initial_epoch: number of the first one.
        shuffle: whether samples come in a new order each epoch.
        validation: samples to evaluate after each epoch.
        callbacks: objects with Keras's methods.
        verbose: 0 shows nothing, 1 and 2 a line for each epoch.
    """
    steps = -(-len(data) // batch_size)
    params = {"verbose": verbose, "epochs": epochs, "steps": steps}
    history = History(model, params)
    model.stop_training = False  # type: ignore[attr-defined]
    calls = Callbacks(callbacks, model, params)
    random = np.random.default_rng(draw_seed()) if shuffle else None
    calls("on_train_begin")
    logs: dict[str, float] = {}
    for epoch in range(initial_epoch, epochs):
        calls("on_epoch_begin", epoch)
        order = None if random is None else random.permutation(len(data))
        logs = _train_epoch(setup, data, batch_size, order, calls)
        if validation is not None:
            found = evaluate(model, setup, validation, batch_size, callbacks)
            logs |= {f"val_{name}": value for name, value in found.items()}
        history.add(epoch, logs)
        calls("on_epoch_end", epoch, logs)
        if verbose:
            shown = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
            print(f"Epoch {epoch + 1}/{epochs} - {shown}", flush=True)
        if model.stop_training:  # type: ignore[attr-defined]
            break
    setup.finish()
    calls("on_train_end", logs)
    return history


def _train_epoch(
    setup: Setup, data: Arrays, batch_size: int, order: NDArray[Any] | None, calls: Callbacks
) -> dict[str, float]:
    """Take one step for each batch."""
    logs = Logs(setup)
    step = setup.step
    for index, batch in enumerate(data.batches(batch_size, order)):
        calls("on_train_batch_begin", index)
        logs.add(batch, step.train(batch, predicts=bool(setup.metrics)))
        if calls.heeds_batches:
            calls("on_train_batch_end", index, logs.results())
    return logs.results()


def evaluate(
    model: Model, setup: Setup, data: Arrays, batch_size: int, callbacks: Sequence[Any] = ()
) -> dict[str, float]:
    """Compute losses and metrics over all samples, as the model predicts.

    Args:
        model: compiled.
        setup: what it was compiled with.
        data: samples.
        batch_size: samples taken together.
        callbacks: objects with Keras's methods.
    """
    calls = Callbacks(callbacks, model, {})
    calls("on_test_begin")
    logs = Logs(setup)
    for index, batch in enumerate(data.batches(batch_size, None)):
        calls("on_test_batch_begin", index)
        logs.add(batch, setup.evaluation.judge(batch))
        if calls.heeds_batches:
            calls("on_test_batch_end", index, logs.results())
    found = logs.results()
    calls("on_test_end", found)
    return found
