"""The metrics of a model's outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cnnfast import metrics
from cnnfast.metrics import Metric
from cnnfast.training.batch import Batch
from cnnfast.training.lowered import SampleShape
from cnnfast.training.step import Outcome


class Measured(NamedTuple):
    """A metric of one output.

    Attributes:
        name: that its results go by.
        metric: keeps count.
        output: number of the output.
        heeds_weights: whether the samples' weights count.
    """

    name: str
    metric: Metric
    output: int
    heeds_weights: bool


class Metrics:
    """Metrics as `compile` was given them, made into objects when the first batch is seen.

    Args:
        names: of the outputs.
        plain: for each output a list of names, functions or objects.
        weighted: likewise, of those that heed the samples' weights.
    """

    def __init__(
        self,
        names: Sequence[str],
        plain: Sequence[Sequence[Any]],
        weighted: Sequence[Sequence[Any]],
    ) -> None:
        self._names = names
        self._given = [(plain, False), (weighted, True)]
        self._measured: list[Measured] | None = None

    def __bool__(self) -> bool:
        return any(given for group, _ in self._given for given in group)

    @property
    def is_new(self) -> bool:
        """Whether there are metrics that have not seen a batch yet."""
        return bool(self) and self._measured is None

    @property
    def names(self) -> list[str]:
        """What results go by, in the order of `compile`."""
        if self._measured is not None:
            return [measured.name for measured in self._measured]
        return self._unique(
            [
                (output, name_of(identifier), heeds_weights)
                for group, heeds_weights in self._given
                for output, identifiers in enumerate(group)
                for identifier in identifiers
            ]
        )

    def _unique(self, found: list[tuple[int, str, bool]]) -> list[str]:
        """Name metrics by output and own name, and tell equal names apart as Keras does."""
        taken: Counter[str] = Counter()
        names = []
        for output, own, heeds_weights in found:
            prefix = f"{self._names[output]}_" if len(self._names) > 1 else ""
            name = prefix + own
            if heeds_weights and name in taken:
                name = f"{prefix}weighted_{own}"
            taken[name] += 1
            names.append(name if taken[name] == 1 else f"{name}_{taken[name] - 1}")
        return names

    @property
    def objects(self) -> list[Metric]:
        """The metrics themselves."""
        return [measured.metric for measured in self._measured or ()]

    def reset(self) -> None:
        """Forget all batches."""
        for measured in self._measured or ():
            measured.metric.reset_state()

    def update(self, batch: Batch, outcome: Outcome) -> None:
        """Take in a batch.

        Args:
            batch: with targets and weights.
            outcome: with predictions.
        """
        if self._measured is None:
            self._measured = self._resolved(batch, outcome)
        _take_in(self._measured, batch, outcome)

    def rehearse(self, batch: Batch, shapes: Sequence[SampleShape]) -> None:
        """Take in predictions that nobody made, and forget them: what does not fit says so.

        Args:
            batch: the first one.
            shapes: of the outputs, without the batch axis.

        Raises:
            ValueError: a metric cannot be computed of such targets and predictions.
        """
        made_up = [np.full((batch.samples, *shape), 0.5, np.float32) for shape in shapes]
        outcome = Outcome(0.0, [], made_up)
        measured = self._resolved(batch, outcome)
        try:
            _take_in(measured, batch, outcome)
        finally:
            for one in measured:
                one.metric.reset_state()
        self._measured = measured

    def results(self) -> dict[str, Any]:
        """Return what is known so far, by name."""
        return {name: metric.result() for name, metric, *_ in self._measured or ()}

    def _resolved(self, batch: Batch, outcome: Outcome) -> list[Measured]:
        found: list[tuple[Metric, int, bool]] = []
        for group, heeds_weights in self._given:
            for output, identifiers in enumerate(group):
                targets, predictions = batch.targets[output], outcome.predictions[output]
                if targets is None:
                    continue
                found += [
                    (metrics.resolve(one, targets.shape, predictions.shape), output, heeds_weights)
                    for one in identifiers
                ]
        names = self._unique([(output, metric.name, heeds) for metric, output, heeds in found])
        return [Measured(name, *one) for name, one in zip(names, found, strict=True)]


def _take_in(found: Sequence[Measured], batch: Batch, outcome: Outcome) -> None:
    for _, metric, output, heeds_weights in found:
        weights = batch.weights[output] if heeds_weights else None
        try:
            metric.update_state(batch.targets[output], outcome.predictions[output], weights)
        except ValueError as error:
            if metric.name in str(error):
                raise
            raise ValueError(f"Metric '{metric.name}': {error}") from error


def name_of(identifier: Any) -> str:
    """Say what a metric will be called, before it is made.

    Args:
        identifier: as `compile` takes it.
    """
    if isinstance(identifier, str):
        return identifier
    found: Any = metrics.get(identifier)
    return str(getattr(found, "name", None) or getattr(found, "__name__", identifier))


def check_metrics(given: Any) -> None:
    """Make sure that every name means a metric.

    Args:
        given: None, a metric, or lists and dicts of them.

    Raises:
        ValueError: a name is unknown.
    """
    if isinstance(given, list | tuple):
        for one in given:
            check_metrics(one)
    elif isinstance(given, Mapping) and "class_name" not in given:
        for one in given.values():
            check_metrics(one)
    elif isinstance(given, str) and given.lower() not in metrics.BY_SHAPE:
        metrics.get(given)


def spread_metrics(given: Any, names: Sequence[str]) -> list[list[Any]]:
    """Give each output its list of metrics.

    Args:
        given: None, one metric, a list of them, for several outputs a list of lists or a dict.
        names: of the outputs.

    Raises:
        ValueError: the number or a name does not fit.
    """
    if given is None:
        return [[] for _ in names]
    if isinstance(given, Mapping) and "class_name" not in given:
        unknown = [key for key in given if key not in names]
        if unknown:
            raise ValueError(
                f"`metrics` names outputs that the model does not have: {unknown}. "
                f"Its outputs are: {list(names)}"
            )
        return [_as_list(given.get(name)) for name in names]
    listed = _as_list(given)
    if len(names) == 1:
        nested = len(listed) == 1 and isinstance(listed[0], list | tuple)
        return [_as_list(listed[0]) if nested else listed]
    if len(listed) != len(names):
        raise ValueError(
            f"`metrics` must be a dict or a list of lists for the {len(names)} outputs "
            f"{list(names)}. Received: {given}"
        )
    return [_as_list(one) for one in listed]


def _as_list(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]
