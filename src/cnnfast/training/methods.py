"""What the methods of a model do that train and evaluate it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cnnfast.models.model import Model
from cnnfast.random import draw_seed
from cnnfast.training import class_weights, loop
from cnnfast.training.batch import Batch
from cnnfast.training.callbacks import CallbackList, History, ProgbarLogger
from cnnfast.training.epochs import Epochs
from cnnfast.training.means import Means
from cnnfast.training.outputs import by_output
from cnnfast.training.setup import Setup
from cnnfast.training.sources import ArraySource, Source, made_batch, source_of

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
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool | str = True,
    class_weight: Mapping[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int | Sequence[int] = 1,
) -> History:
    """Train a model for some epochs.

    Args:
        model: compiled.
        x: samples, as `predict` takes them, or batches (x, y) or (x, y, sample_weight).
        y: a target for each sample; for several outputs a list or dict of arrays.
        batch_size: samples in a step, 32 if None.
        epochs: number of the epoch to end before.
        verbose: 0 shows nothing, 1 or "auto" a progress bar, 2 one line for each epoch.
        callbacks: a list of `cnnfast.callbacks`.
        validation_split: share of the samples, taken from the end before they are shuffled, that
            the model is evaluated on after each epoch instead of being trained on.
        validation_data: samples for that, (x, y) or (x, y, sample_weight), or batches.
        shuffle: whether samples come in a new order each epoch; "batch" for one within batches.
        class_weight: a weight for the samples of each class, 1 for classes that are missing.
        sample_weight: a weight for each sample.
        initial_epoch: number of the first epoch.
        steps_per_epoch: batches in an epoch; all if None.
        validation_steps: batches of the validation data; all if None.
        validation_batch_size: samples in them, `batch_size` if None.
        validation_freq: epochs between evaluations, or the numbers of the epochs they follow.

    Returns:
        Losses and metrics of each epoch.

    Raises:
        RuntimeError: the model was not compiled.
        ValueError: the data do not fit the model.
    """
    setup = setup_of(model)
    seed = draw_seed() % 2**32
    data = source_of(model, x, y, sample_weight, batch_size, shuffle, class_weight, seed)
    held: Source | None = None
    if validation_data is not None:
        held = source_of(model, *_triple(validation_data), validation_batch_size or batch_size)
    elif validation_split:
        if not isinstance(data, ArraySource):
            raise ValueError("`validation_split` needs arrays of samples, not batches.")
        data, held = data.split(validation_split)
    validation = None
    if held is not None:
        validation = loop.Validation(Epochs(held, validation_steps), validation_freq)
    batches = Epochs(data, steps_per_epoch)
    params = {"verbose": 1 if verbose == "auto" else int(verbose), "epochs": epochs}
    calls, history = _callbacks(model, callbacks, params | {"steps": batches.steps})
    numbers = range(initial_epoch, epochs)
    return loop.fit(model, setup, batches, history, calls, numbers, validation)


def _callbacks(model: Model, given: Any, params: dict[str, Any]) -> tuple[CallbackList, History]:
    """Add what shows progress and keeps the history to the user's callbacks."""
    history = History()
    shown = [ProgbarLogger()] if params["verbose"] else []
    return CallbackList([*shown, given, history], model, **params), history


def _triple(given: Any) -> tuple[Any, Any, Any]:
    """Take validation data apart; batches are a whole."""
    if isinstance(given, list | tuple) and len(given) in (2, 3):
        x, y, weights = (*given, None)[:3]
        return x, y, weights
    return given, None, None


def evaluate(
    model: Model,
    x: Any,
    y: Any = None,
    batch_size: int | None = None,
    verbose: str | int = "auto",
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
    return_dict: bool = False,
) -> Any:
    """Compute the loss and metrics of a model.

    Args:
        model: compiled.
        x: samples, as `predict` takes them, or batches (x, y) or (x, y, sample_weight).
        y: a target for each sample; for several outputs a list or dict of arrays.
        batch_size: samples taken together, 32 if None.
        verbose: 0 shows nothing, 1 or "auto" a progress bar, 2 one line.
        sample_weight: a weight for each sample.
        steps: number of batches; all if None.
        callbacks: a list of `cnnfast.callbacks`.
        return_dict: whether results come by name.

    Returns:
        The loss, or a list with it and the metrics.

    Raises:
        RuntimeError: the model was not compiled.
        ValueError: the data do not fit the model.
    """
    setup = setup_of(model)
    data = Epochs(source_of(model, x, y, sample_weight, batch_size), steps)
    shown = 1 if verbose == "auto" else int(verbose)
    calls = CallbackList(
        [*([ProgbarLogger()] if shown else []), callbacks],
        model, verbose=shown, epochs=1, steps=data.steps,
    )  # fmt: skip
    return packed(setup, loop.evaluate(setup, data, calls), return_dict)


def train_batch(
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
    means, batch = Means(setup), one_batch(model, x, y, sample_weight, class_weight)
    means.add(batch, setup.step.train(batch, bool(setup.metrics)))
    return packed(setup, means.results(), return_dict)


def judge_batch(
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
    means, batch = Means(setup), one_batch(model, x, y, sample_weight, None)
    means.add(batch, setup.evaluation.judge(batch))
    return packed(setup, means.results(), return_dict)


def one_batch(model: Model, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> Batch:
    """Make a batch of all samples.

    Args:
        model: that they are for.
        x: inputs.
        y: targets.
        sample_weight: weights, or None.
        class_weight: weights by class, or None.
    """
    inputs, targets = model.split_inputs(x), by_output(model, y, "y")
    weights = by_output(model, sample_weight, "sample_weight")
    class_weights.check(class_weight, sample_weight is not None, len(targets))
    batch = made_batch(model, inputs, targets, weights, class_weight)
    if not batch.samples:
        raise ValueError("Expected input data to be non-empty.")
    return batch


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


def packed(setup: Setup, found: dict[str, Any], by_name: bool) -> Any:
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
