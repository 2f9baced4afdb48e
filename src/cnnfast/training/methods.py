"""What the methods of a model do that train and evaluate it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from cnnfast.models.model import Model
from cnnfast.random import draw_seed
from cnnfast.training import class_weights, loop
from cnnfast.training.batch import Batch
from cnnfast.training.callbacks import CallbackList, History, ProgbarLogger
from cnnfast.training.epochs import Epochs
from cnnfast.training.interruption import interruptions_between_steps
from cnnfast.training.means import Means
from cnnfast.training.outputs import by_output
from cnnfast.training.setup import Setup
from cnnfast.training.sources import ArraySource, Source, checked_size, made_batch, source_of

# What Keras 2 took and changes nothing here.
WITHOUT_EFFECT: Final = frozenset({"sample_weight_mode", "target_tensors", "distribute"})
# Methods of Keras's models that a subclass may redefine there, and that nothing calls here.
NEVER_CALLED: Final = ("train_step", "test_step", "compute_loss", "compute_metrics")


class NotCompiledError(RuntimeError, ValueError):
    """A model is trained or evaluated before `compile`; Keras 2 and 3 raise one of the bases."""


class FitOptions(NamedTuple):
    """The arguments of `Model.fit` besides the data."""

    batch_size: int | None
    epochs: int
    verbose: str | int
    callbacks: Any
    validation_split: float
    validation_data: Any
    shuffle: bool | str
    class_weight: Mapping[int, float] | None
    sample_weight: Any
    initial_epoch: int
    steps_per_epoch: int | None
    validation_steps: int | None
    validation_batch_size: int | None
    validation_freq: int | Sequence[int]


def compile_model(
    model: Model,
    optimizer: Any,
    loss: Any,
    loss_weights: Any,
    metrics: Any,
    weighted_metrics: Any,
    legacy: Mapping[str, Any],
) -> Setup:
    """Check what `Model.compile` was given.

    Args:
        model: to be trained.
        optimizer: see `Model.compile`.
        loss: see `Model.compile`.
        loss_weights: see `Model.compile`.
        metrics: see `Model.compile`.
        weighted_metrics: see `Model.compile`.
        legacy: the other arguments.

    Raises:
        TypeError: an argument is unknown.
        ValueError: a name is unknown.
        NotImplementedError: the model's class defines its own step of training.
    """
    unknown = legacy.keys() - WITHOUT_EFFECT
    if unknown:
        raise TypeError(f"`compile` received unknown arguments: {sorted(unknown)}")
    redefined = [name for name in NEVER_CALLED if hasattr(type(model), name)]
    if redefined:
        raise NotImplementedError(
            f"Class {type(model).__name__} defines {redefined}, which cnnfast would never call: "
            "steps of training cannot be replaced."
        )
    return Setup(model, optimizer, loss, loss_weights, metrics, weighted_metrics)


def fit(model: Model, x: Any, y: Any, options: FitOptions) -> History:
    """Train a model for some epochs; see `Model.fit`.

    Args:
        model: compiled.
        x: samples or batches.
        y: targets.
        options: the other arguments.
    """
    setup = setup_of(model)
    model.fit_seed = draw_seed()
    data, held = _sources(model, x, y, options)
    validation = None
    if held is not None:
        batches = Epochs(held, options.validation_steps, "validation_steps")
        validation = loop.Validation(batches, options.validation_freq)
    setup.check(data, held)
    epochs = Epochs(data, options.steps_per_epoch)
    verbose = _checked_verbose(options.verbose)
    params = {"verbose": verbose, "epochs": options.epochs, "steps": epochs.steps}
    shown = [ProgbarLogger()] if verbose else []
    calls = CallbackList([*shown, options.callbacks], model, **params)
    history = next((one for one in calls.callbacks if isinstance(one, History)), None)
    if history is None:
        history = History()
        history.set_params(params)
        history.set_model(model)
        calls.append(history)
    numbers = range(options.initial_epoch, options.epochs)
    with interruptions_between_steps():
        return loop.fit(model, setup, epochs, history, calls, numbers, validation)


def _sources(model: Model, x: Any, y: Any, options: FitOptions) -> tuple[Source, Source | None]:
    """Find the data to train on, and those to evaluate on."""
    size = options.batch_size
    data = source_of(
        model, x, y, options.sample_weight, size, options.shuffle, options.class_weight,
        model.fit_seed or 0,
    )  # fmt: skip
    if options.validation_data is not None:
        triple = _triple(options.validation_data)
        held_size = options.validation_batch_size
        return data, source_of(model, *triple, size if held_size is None else held_size)
    if not options.validation_split:
        return data, None
    if not isinstance(data, ArraySource):
        raise ValueError("`validation_split` needs arrays of samples, not batches.")
    data, held = data.split(options.validation_split)
    if options.validation_batch_size is not None:
        held.batch_size = checked_size(options.validation_batch_size, "validation_batch_size")
    return data, held


def _triple(given: Any) -> tuple[Any, Any, Any]:
    """Take validation data apart; batches are a whole."""
    if not isinstance(given, list | tuple):
        return given, None, None
    if not 1 <= len(given) <= 3:
        raise ValueError(
            "`validation_data` must be `(x, y)` or `(x, y, sample_weight)`, or batches. "
            f"Received a {type(given).__name__} of {len(given)} parts."
        )
    x, y, weights = (*given, None, None)[:3]
    return x, y, weights


def evaluate(
    model: Model,
    x: Any,
    y: Any,
    batch_size: int | None,
    verbose: str | int,
    sample_weight: Any,
    steps: int | None,
    callbacks: Any,
    return_dict: bool,
) -> Any:
    """Compute the loss and metrics of a model; see `Model.evaluate`.

    Args:
        model: compiled.
        x: samples or batches.
        y: targets.
        batch_size: samples taken together, 32 if None.
        verbose: 0 shows nothing, 1 or "auto" a progress bar, 2 one line.
        sample_weight: a weight for each sample.
        steps: number of batches; all if None.
        callbacks: one or a list of them.
        return_dict: whether results come by name.
    """
    setup = setup_of(model)
    data = Epochs(source_of(model, x, y, sample_weight, batch_size), steps, "steps")
    shown = _checked_verbose(verbose)
    calls = CallbackList(
        [*([ProgbarLogger()] if shown else []), callbacks],
        model, verbose=shown, epochs=1, steps=data.steps,
    )  # fmt: skip
    return packed(setup, loop.evaluate(setup, data, calls), return_dict)


def train_batch(
    model: Model, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool
) -> Any:
    """Do one step of training; see `Model.train_on_batch`.

    Args:
        model: compiled.
        x: samples.
        y: a target for each.
        sample_weight: a weight for each sample.
        class_weight: a weight for the samples of each class.
        return_dict: whether results come by name.

    Threads: calls of several Python threads take turns.
    """
    setup = setup_of(model)
    with setup.turn:
        batch = one_batch(model, x, y, sample_weight, class_weight)
        means = Means(setup)
        with interruptions_between_steps():
            means.add(batch, setup.train(batch))
        return packed(setup, means.results(), return_dict)


def judge_batch(model: Model, x: Any, y: Any, sample_weight: Any, return_dict: bool) -> Any:
    """Compute the loss and metrics for one batch; see `Model.test_on_batch`.

    Args:
        model: compiled.
        x: samples.
        y: a target for each.
        sample_weight: a weight for each sample.
        return_dict: whether results come by name.

    Threads: calls of several Python threads take turns.
    """
    setup = setup_of(model)
    with setup.turn:
        batch = one_batch(model, x, y, sample_weight, None)
        means = Means(setup)
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
        NotCompiledError: it was not compiled.
    """
    setup: Setup | None = model._training
    if setup is None:
        raise NotCompiledError(
            "You must call `compile()` before using the model: "
            f"'{model.name}' can be trained or evaluated only then."
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
    values = [found[name] for name in setup.names]
    return values[0] if len(values) == 1 else values


def _checked_verbose(verbose: Any) -> int:
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(f'`verbose` must be "auto", 0, 1 or 2. Received: verbose={verbose!r}')
    return 1 if verbose == "auto" else int(verbose)
