"""Moving averages of what batches were like: means and variances of batch normalization."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from cnnfast.engine.parameters import Parameters


class MovingAverages:
    """Averages, and places for the statistics of a batch that they follow.

    A layer that a model has in several places follows them one after the other: statistics lie in
    as many rounds as the most frequent layer has places.

    Args:
        values: the averages.
        moments: operations with the `moving` value that follows each statistic and its `momentum`.

    Attributes:
        fresh: statistics of the batch, round by round in the layout of `values`.
        places: where the statistic of each operation begins in it.
    """

    def __init__(self, values: Parameters, moments: Sequence[Any]) -> None:
        self._values = values.values
        length = len(self._values)
        offsets = [
            cast("int", values.offset_of(values.view_of(moment.moving))) for moment in moments
        ]
        seen: Counter[int] = Counter()
        self.places: list[int] = []
        for offset in offsets:
            self.places.append(seen[offset] * length + offset)
            seen[offset] += 1
        rounds = max(seen.values(), default=0)
        self.fresh = np.zeros(rounds * length, np.float32)
        keep, share = np.ones_like(self.fresh), np.zeros_like(self.fresh)
        for moment, place in zip(moments, self.places, strict=True):
            part = slice(place, place + len(moment.moving))
            keep[part], share[part] = moment.momentum, 1.0 - moment.momentum
        by_round = [array.reshape(rounds, length) for array in (self.fresh, keep, share)]
        self._rounds = list(zip(*by_round, strict=True))

    def update(self) -> None:
        """Follow: values * momentum + fresh * (1 - momentum), rounded as Keras does."""
        for fresh, keep, share in self._rounds:
            self._values *= keep
            self._values += fresh * share
