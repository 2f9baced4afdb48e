"""Moving averages of what batches were like: means and variances of batch normalization."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from cnnfast.engine.parameters import Parameters
from cnnfast.engine.variable import FloatArray
from cnnfast.ops.renorm import RenormCorrection


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
        self._statistics: list[tuple[RenormCorrection, int, int]] = []
        for moment, place in zip(moments, self.places, strict=True):
            part = slice(place, place + len(moment.moving))
            keep[part], share[part] = moment.momentum, 1.0 - moment.momentum
        self._keep, self._share = keep.reshape(rounds, length), share.reshape(rounds, length)

    def correct(self, correction: RenormCorrection, mean: int, variance: int) -> int:
        """Let the averages of a renormalization follow, after all others.

        Args:
            correction: holds parts of the averages' array.
            mean: where the mean of the batch begins in `fresh`.
            variance: likewise.

        Returns:
            Where the corrections may lie in `fresh`, behind all statistics.
        """
        place = len(self.fresh)
        self._statistics.append((correction, mean, variance))
        self.fresh = np.zeros(place + 2 * len(correction.scale), np.float32)
        return place

    def update(self) -> None:
        """Follow: values * momentum + fresh * (1 - momentum), rounded as Keras does."""
        rounds, length = len(self._keep), len(self._values)
        by_round = self.fresh[: rounds * length].reshape(rounds, length)
        for fresh, keep, share in zip(by_round, self._keep, self._share, strict=True):
            self._values *= keep
            self._values += fresh * share
        for correction, mean, variance in self._statistics:
            size = len(correction.scale)
            self._follow(
                correction, self.fresh[mean : mean + size], self.fresh[variance : variance + size]
            )

    def _follow(self, to: RenormCorrection, mean: FloatArray, variance: FloatArray) -> None:
        deviation = np.sqrt(variance + np.float32(to.epsilon))
        for moving, value, momentum in (
            (to.renorm_mean, mean, to.renorm_momentum),
            (to.renorm_stddev, deviation, to.renorm_momentum),
            (to.moving_stddev, deviation, to.momentum),
        ):
            moving *= np.float32(momentum)
            moving += value * np.float32(1.0 - momentum)
        squares = to.moving_stddev * to.moving_stddev - np.float32(to.epsilon)
        to.moving_variance[...] = np.maximum(squares, 0.0)
