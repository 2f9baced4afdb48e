"""The metrics of a model's outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cnnfast import metrics
from cnnfast.metrics import Metric
from cnnfast.training.batch import Batch
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
    def names(self) -> list[str]:
        """What results go by, in the order of `compile`."""
        return [measured.name for measured in self._measured or ()]

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
        for _, metric, output, heeds_weights in self._measured:
            weights = batch.weights[output] if heeds_weights else None
            metric.update_state(batch.targets[output], outcome.predictions[output], weights)

    def results(self) -> dict[str, Any]:
        """Return what is known so far, by name."""
        return {name: metric.result() for name, metric, *_ in self._measured or ()}

    def _resolved(self, batch: Batch, outcome: Outcome) -> list[Measured]:
        found: list[Measured] = []
        for group, heeds_weights in self._given:
            for output, identifiers in enumerate(group):
                targets, predictions = batch.targets[output], outcome.predictions[output]
                for identifier in identifiers if targets is not None else ():
                    assert targets is not None
                    metric = metrics.resolve(identifier, targets.shape, predictions.shape)
                    prefix = f"{self._names[output]}_" if len(self._names) > 1 else ""
                    name = prefix + metric.name
                    found.append(Measured(name, metric, output, heeds_weights))
        return found


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
