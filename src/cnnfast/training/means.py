"""Losses and metrics of an epoch, from those of its batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast.training.batch import Batch
from cnnfast.training.step import Outcome

if TYPE_CHECKING:
    from cnnfast.training.setup import Setup


class Means:
    """What is known of the batches that one call of a method sees.

    Losses are added up for the call alone; metrics begin anew, and count for all calls at once.

    Args:
        setup: of the model.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._samples = 0
        self._totals: list[float] = []
        setup.metrics.reset()

    def add(self, batch: Batch, outcome: Outcome) -> None:
        """Take in a batch; its loss counts as often as it has samples.

        Args:
            batch: what was seen.
            outcome: what came of it.
        """
        losses = [outcome.loss, *outcome.parts]
        totals = self._totals or [0.0] * len(losses)
        count = batch.samples
        self._samples += count
        self._totals = [total + loss * count for total, loss in zip(totals, losses, strict=True)]
        if self._setup.metrics:
            self._setup.metrics.update(batch, outcome)

    def results(self) -> dict[str, Any]:
        """Return the means of the losses and the metrics, by name in Keras's order.

        Without any batch there are none.
        """
        if not self._samples:
            return {}
        names = ["loss", *self._setup.part_names]
        means = [total / self._samples for total in self._totals]
        found: dict[str, Any] = (
            dict(zip(names, means, strict=False)) | self._setup.metrics.results()
        )
        return {name: found[name] for name in sorted(found)}
