"""Prediction over any amount of data, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnfast.engine.arrays import kernel_array
from cnnfast.engine.live_plan import LivePlan
from cnnfast.models.progress import Progress
from cnnfast.models.samples import Samples, batches_of, is_batched
from cnnfast.models.targets import checked_targets, release_rows

if TYPE_CHECKING:
    from cnnfast.engine.plan_cache import Compiled
    from cnnfast.models.model import Model

DEFAULT_BATCH_SIZE: Final = 32

# Enough samples per call that its fixed cost vanishes, few enough that converted copies and the
# pages of a mapped file stay small beside the network's own buffers.
CHUNK_BYTES: Final = 16 * 2**20


class Options(NamedTuple):
    """How to go through the data; see `Model.predict`."""

    batch_size: int
    verbose: int
    steps: int | None
    callbacks: tuple[Any, ...]

    @classmethod
    def checked(
        cls,
        batch_size: int | None,
        verbose: str | int | bool,
        steps: int | None,
        callbacks: Sequence[Any] | None,
    ) -> Options:
        """Check the options and fill in the defaults.

        Args:
            batch_size: see `Model.predict`.
            verbose: see `Model.predict`.
            steps: see `Model.predict`.
            callbacks: see `Model.predict`; a single object is taken as a list of one.

        Raises:
            ValueError: a value is out of range.
            TypeError: a number is no integer.
        """
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f'`verbose` must be "auto", 0, 1 or 2. Received: verbose={verbose!r}')
        if callbacks is not None and not isinstance(callbacks, list | tuple):
            callbacks = [callbacks]
        size = _positive("batch_size", DEFAULT_BATCH_SIZE if batch_size is None else batch_size)
        return cls(
            size,
            1 if verbose == "auto" else int(verbose),
            None if steps is None else _positive("steps", steps),
            tuple(callbacks or ()),
        )


def _positive(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"`{name}` must be an integer. Received: {name}={value!r}")
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1. Received: {name}={value!r}")
    return int(value)


def predict(model: Model, data: Any, options: Options, out: Any = None) -> Any:
    """Compute a model's outputs for arrays, or for batches that come one by one.

    Args:
        model: any model.
        data: see `Model.predict`.
        options: see `Model.predict`.
        out: see `Model.predict`.
    """
    if out is None and _is_one_silent_call(model, data, options):
        return model(data)
    for callback in options.callbacks:
        callback.set_model(model)
    if not is_batched(data):
        return _predict_samples(model, data, options, out)
    if out is not None:
        raise ValueError(
            "`out` needs data whose number of samples is known beforehand. "
            f"Received batches from a {type(data).__name__}."
        )
    return _predict_batches(model, data, options)


def _is_one_silent_call(model: Model, data: Any, options: Options) -> bool:
    """Tell whether nothing but a call on all of the data is asked for."""
    return (
        type(data) is np.ndarray
        and 4 * data.size <= CHUNK_BYTES
        and options.steps is None
        and not options.verbose
        and not options.callbacks
        and not model.asks_for_training
    )


def _predict_samples(model: Model, data: Any, options: Options, out: Any) -> Any:
    samples = Samples(model.name, model.split_inputs(data))
    count = samples.count
    if options.steps is not None:
        count = min(count, options.steps * options.batch_size)
    compiled = _compiled_for(model, samples)
    outputs = compiled.empty_outputs(count) if out is None else None
    targets = checked_targets(out, compiled, count, samples) if outputs is None else outputs
    with _Steps(options, -(-count // options.batch_size)) as steps:
        for start, stop in _chunks(samples, count, options, isinstance(compiled.plan, LivePlan)):
            steps.begin(start)
            arrays = _ready(model, compiled, samples.rows(start, stop))
            _run_into(compiled, arrays, targets, start, stop)
            samples.release(start, stop)
            steps.end(stop, [target[start:stop] for target in targets])
    return model.pack_outputs(targets) if out is None else out


def _compiled_for(model: Model, samples: Samples) -> Compiled:
    """Check the data against the model, on no samples at all, before anything runs."""
    arrays = model.fit_arrays(samples.rows(0, 0))
    return model.compiled_for([array.shape for array in arrays])


def _chunks(
    samples: Samples, count: int, options: Options, is_live: bool
) -> Iterator[tuple[int, int]]:
    """Cut the samples into ranges of about CHUNK_BYTES, whole batches where those fit.

    What follows from statistics of a batch, or from what it draws, is computed batch by batch.
    """
    rows = max(1, CHUNK_BYTES // samples.bytes_per_sample)
    if options.callbacks or is_live:
        rows = options.batch_size
    elif rows > options.batch_size:
        rows -= rows % options.batch_size
    for start in range(0, count, rows):
        yield start, min(start + rows, count)


def _ready(model: Model, compiled: Compiled, leaves: list[Any]) -> list[NDArray[Any]]:
    arrays = model.fit_arrays(leaves)
    return [kernel_array(*pair) for pair in zip(arrays, compiled.dtypes, strict=True)]


def _run_into(
    compiled: Compiled,
    arrays: list[NDArray[Any]],
    targets: list[NDArray[Any]],
    start: int,
    stop: int,
) -> None:
    rows = [target[start:stop] for target in targets]
    if all(part.flags.carray for part in rows):
        compiled.plan.run(arrays, rows)
    else:
        for part, result in zip(rows, compiled.plan.run(arrays), strict=True):
            part[...] = result
    release_rows(targets, start, stop)


def _predict_batches(model: Model, data: Any, options: Options) -> Any:
    total = options.steps if options.steps is not None else _length(data)
    parts: list[list[NDArray[Any]]] = []
    with _Steps(options._replace(batch_size=1), total) as steps:
        for index, batch in enumerate(batches_of(data, options.steps)):
            steps.begin(index)
            parts.append(_run_batch(model, batch))
            steps.end(index + 1, parts[-1])
    if not parts:
        raise ValueError(f"The data for model '{model.name}' yielded no batches: {data!r}")
    return model.pack_outputs([np.concatenate(pieces) for pieces in zip(*parts, strict=True)])


def _run_batch(model: Model, batch: Any) -> list[NDArray[Any]]:
    arrays = model.fit_arrays(model.split_inputs(batch))
    compiled = model.compiled_for([array.shape for array in arrays])
    if not len(arrays[0]):
        return compiled.empty_outputs(0)
    ready = [kernel_array(*pair) for pair in zip(arrays, compiled.dtypes, strict=True)]
    return compiled.plan.run(ready)


def _length(data: Any) -> int | None:
    try:
        return len(data)
    except TypeError:
        return None


class _Steps:
    """Tells the progress display and the callbacks how far prediction has come.

    Args:
        options: see `Model.predict`.
        total: number of steps, None if unknown.
    """

    def __init__(self, options: Options, total: int | None) -> None:
        self._options = options
        self._progress = Progress(total, options.verbose)
        for callback in options.callbacks:
            callback.set_params({"verbose": options.verbose, "epochs": 1, "steps": total})

    def __enter__(self) -> _Steps:
        self._notify("on_predict_begin")
        return self

    def __exit__(self, error: object, *details: object) -> None:
        if error is None:
            self._progress.finish()
            self._notify("on_predict_end")

    def begin(self, start: int) -> None:
        """Announce the batch that begins with sample `start`."""
        self._notify("on_predict_batch_begin", start // self._options.batch_size)

    def end(self, stop: int, outputs: list[NDArray[Any]]) -> None:
        """Announce that the samples before `stop` are done."""
        step = -(-stop // self._options.batch_size)
        result = outputs[0] if len(outputs) == 1 else outputs
        self._notify("on_predict_batch_end", step - 1, {"outputs": result})
        self._progress.update(step)

    def _notify(self, event: str, *arguments: Any) -> None:
        for callback in self._options.callbacks:
            getattr(callback, event)(*arguments)
