"""Samples that one step of training sees."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

Array = NDArray[Any]


class Batch(NamedTuple):
    """Samples that a step sees.

    Attributes:
        inputs: of the model, in the types and shapes that its kernels take.
        targets: of each output; None where there are none.
        weights: of each output's samples; None for 1.
    """

    inputs: list[Array]
    targets: list[Array | None]
    weights: list[Array | None]

    @property
    def samples(self) -> int:
        """The number of samples."""
        return len(self.inputs[0])

    def cut(self, start: int, stop: int) -> Batch:
        """Cut out a range of samples.

        Args:
            start: first sample.
            stop: sample after the last.
        """
        parts = [[a if a is None else a[start:stop] for a in part] for part in self]
        return Batch(*parts)  # type: ignore[arg-type]

    def take(self, numbers: Array) -> Batch:
        """Gather samples.

        Args:
            numbers: of the samples, in the order wanted.
        """
        parts = [[a if a is None else a.take(numbers, 0) for a in part] for part in self]
        return Batch(*parts)  # type: ignore[arg-type]
