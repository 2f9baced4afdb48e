"""What the methods of a model do that train and evaluate it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final


from cnnfast.models.model import Model
from cnnfast.training import loop
from cnnfast.training.data import Arrays
from cnnfast.training.history import History
from cnnfast.training.means import Logs
from cnnfast.training.setup import Setup

# What Keras takes and changes nothing here: a step is one native call anyway.
WITHOUT_EFFECT: Final = frozenset(
    {"run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss",
     "sample_weight_mode", "target_tensors", "distribute"}
)  # fmt: skip


def compile_model(
    model: Model,
    optimizer: Any,
    loss: Any,
    loss_weights: Any,
    metrics: Any,
    weighted_metrics: Any,
    options: Mapping[str, Any],
) -> Setup:
    """Check what `Model.compile` was given.

    Args:
        model: to be trained.
        optimizer: see `Model.compile`.
        loss: see `Model.compile`.
        loss_weights: see `Model.compile`.
        metrics: see `Model.compile`.
        weighted_metrics: see `Model.compile`.
        options: the other arguments.

    Raises:
        TypeError: an argument is unknown.
        ValueError: a name is unknown.
    """
    unknown = options.keys() - WITHOUT_EFFECT
    if unknown:
        raise TypeError(f"`compile` received unknown arguments: {sorted(unknown)}")
    return Setup(model, optimizer, loss, loss_weights, metrics, weighted_metrics)


def fit(
    model: Model,
    x: Any,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: str | int = "auto",
    callbacks: Sequence[Any] | None = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
) -> History:
    """Train a model for some epochs.

    Args:
        model: compiled.
        x: samples, as `predict` takes them.
        y: a target for each; for several outputs a list or dict of arrays.
        batch_size: samples in a step, 32 if None.
        epochs: number of the epoch to end before.
        verbose: 0 shows nothing; 1, 2 or "auto" a line for each epoch.
        callbacks: objects with Keras's methods, such as `on_epoch_end`.
        validation_split: share of the samples, taken from the end before they are shuffled, that
            the model is evaluated on after each epoch instead of being trained on.
        validation_data: samples for that, (x, y) or (x, y, sample_weight).
        shuffle: whether samples come in a new order each epoch.
        class_weight: a weight for the samples of each class, 1 for classes that are missing.
        sample_weight: a weight for each sample.
        initial_epoch: number of the first epoch.

    Returns:
        Losses and metrics of each epoch.

    Raises:
        RuntimeError: the model was not compiled.
        ValueError: the data do not fit the model.
    """
    setup = setup_of(model)
    data = Arrays(model, x, y, sample_weight)
    if class_weight is not None:
        data.weigh_classes(class_weight)
    validation = None
    if validation_data is not None:
        validation = Arrays(model, *_triple(validation_data))
    elif validation_split:
        data, validation = data.split(_split_at(len(data), validation_split))
    size = loop.DEFAULT_BATCH_SIZE if batch_size is None else int(batch_size)
    return loop.fit(
        model, setup, data, size, epochs, initial_epoch, bool(shuffle), validation,
        tuple(callbacks or ()), 1 if verbose == "auto" else int(verbose),
    )  # fmt: skip


def _triple(given: Any) -> tuple[Any, Any, Any]:
    if not isinstance(given, list | tuple) or len(given) not in (2, 3):
        raise ValueError(
            "`validation_data` must be (x, y) or (x, y, sample_weight). "
            f"Received: {type(given).__name__}"
        )
    return (*given, None)[:3]  # type: ignore[return-value]


def _split_at(count: int, share: float) -> int:
    at = math.floor(count * (1.0 - share))
    if not 0 < share < 1 or at in (0, count):
        raise ValueError(
            f"`validation_split` must leave samples on both sides of {count}. "
            f"Received: validation_split={share}"
        )
    return at


def evaluate(
    model: Model,
    x: Any,
    y: Any = None,
    batch_size: int | None = None,
    verbose: str | int = "auto",
    sample_weight: Any = None,
    callbacks: Sequence[Any] | None = None,
    return_dict: bool = False,
) -> Any:
    """Compute the loss and metrics of a model.

    Args:
        model: compiled.
        x: samples, as `predict` takes them.
        y: a target for each; for several outputs a list or dict of arrays.
        batch_size: samples taken together, 32 if None.
        verbose: 0 shows nothing, otherwise one line is shown.
        sample_weight: a weight for each sample.
        callbacks: objects with Keras's methods, such as `on_test_end`.
        return_dict: whether results come by name.

    Returns:
        The loss, or a list with it and the metrics.

    Raises:
        RuntimeError: the model was not compiled.
        ValueError: the data do not fit the model.
    """
    setup = setup_of(model)
    data = Arrays(model, x, y, sample_weight)
    size = loop.DEFAULT_BATCH_SIZE if batch_size is None else int(batch_size)
    found = loop.evaluate(model, setup, data, size, tuple(callbacks or ()))
    if verbose:
        print(" - ".join(f"{name}: {value:.4f}" for name, value in found.items()), flush=True)
    return packed(setup, found, return_dict)


def train_on_batch(
    model: Model,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    return_dict: bool = False,
) -> Any:
    """Do one step of training.

    Args:
        model: compiled.
        x: samples, as `predict` takes them.
        y: a target for each.
        sample_weight: a weight for each sample.
        class_weight: a weight for the samples of each class.
        return_dict: whether results come by name.

    Returns:
        The loss before the step, or a list with it and the metrics.
    """
    setup = setup_of(model)
    data = Arrays(model, x, y, sample_weight)
    if class_weight is not None:
        data.weigh_classes(class_weight)
    logs, batch = Logs(setup), data.batch(slice(None))
    logs.add(batch, setup.step.train(batch, predicts=bool(setup.metrics)))
    return packed(setup, logs.results(), return_dict)


def test_on_batch(
    model: Model, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
) -> Any:
    """Compute the loss and metrics for one batch.

    Args:
        model: compiled.
        x: samples, as `predict` takes them.
        y: a target for each.
        sample_weight: a weight for each sample.
        return_dict: whether results come by name.

    Returns:
        The loss, or a list with it and the metrics.
    """
    setup = setup_of(model)
    logs, batch = Logs(setup), Arrays(model, x, y, sample_weight).batch(slice(None))
    logs.add(batch, setup.evaluation.judge(batch))
    return packed(setup, logs.results(), return_dict)


def setup_of(model: Model) -> Setup:
    """Give what a model was compiled with.

    Args:
        model: any.

    Raises:
        RuntimeError: it was not compiled.
    """
    setup: Setup | None = vars(model).get("_training")
    if setup is None:
        raise RuntimeError(
            f"You must call `compile` before model '{model.name}' can be trained or evaluated."
        )
    return setup


def packed(setup: Setup, found: dict[str, float], by_name: bool) -> Any:
    """Arrange results as Keras returns them.

    Args:
        setup: of the model.
        found: by name.
        by_name: whether a dict is wanted.
    """
    if by_name:
        return found
    names = ["loss", *setup.part_names, *setup.metrics.names]
    values = [found[name] for name in names]
    return values[0] if len(values) == 1 else values
