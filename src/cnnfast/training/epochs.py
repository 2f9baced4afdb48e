"""How many batches make an epoch, and what happens where the data ends early."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from cnnfast.training.batch import Batch
from cnnfast.training.sources import Source


class Epochs:
    """Cuts what a source gives into epochs.

    Without a number of steps, an epoch is one pass through the data. With one, an epoch goes on
    where the last one stopped, and begins anew where the data is used up.

    Args:
        source: of the batches.
        steps: number of batches in an epoch; all if None.
        name: of that argument, for errors.

    Attributes:
        source: of the batches.

    Raises:
        ValueError: `steps` is not positive.
    """

    def __init__(
        self, source: Source, steps: int | None = None, name: str = "steps_per_epoch"
    ) -> None:
        if steps is not None and steps < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {name}={steps}")
        self.source = source
        self._asked = steps
        self._learned: int | None = None
        self._running: Iterator[Batch] | None = None
        self._seen = 0

    @property
    def steps(self) -> int | None:
        """Number of batches in an epoch; None as long as it is unknown."""
        return self._asked or self.source.count or self._learned

    def epoch(self, number: int) -> Iterator[Batch]:
        """Give the batches of an epoch.

        A warning tells if there are fewer than there should be.

        Args:
            number: of the epoch, from 0.

        Yields:
            The batches.

        Raises:
            ValueError: the data never gave one.
        """
        if self._running is None or self._asked is None:
            self._running, self._seen = self.source.batches(number), 0
        steps, taken = self.steps, 0
        while steps is None or taken < steps:
            batch = next(self._running, None)
            if batch is None:
                break
            taken += 1
            self._seen += 1
            yield batch
        if not taken and self._learned is None:
            raise ValueError("The data must hold at least one batch. Received none.")
        is_short = not taken or (steps is not None and taken < steps)
        if is_short or self._seen == self.source.count:
            self._running = None
        self._learned = self._learned or taken or None
        if is_short:
            warnings.warn(
                "Your input ran out of data; interrupting training. Make sure that your dataset "
                "or generator can generate at least `steps_per_epoch * epochs` batches.",
                stacklevel=3,
            )
        self.source.on_epoch_end()
