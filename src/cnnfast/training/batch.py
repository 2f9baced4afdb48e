"""Samples that one step of training sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
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


def numbers_of(leaf: Any) -> Array | None:
    """Make an array of targets or weights.

    Args:
        leaf: data of one output, or None.

    Raises:
        TypeError: they are no numbers.
    """
    if leaf is None:
        return None
    array = np.asarray(leaf)
    if array.dtype.kind in "USmMV":
        raise TypeError(
            "Targets and weights of samples must be numbers; classes are numbered from 0. "
            f"Received an array of dtype {array.dtype}."
        )
    return array


def check_counts(parts: Sequence[Sequence[Any]]) -> None:
    """Make sure that there are equally many samples of everything.

    Args:
        parts: inputs, targets and weights.

    Raises:
        ValueError: there are not.
        TypeError: something has no samples.
    """
    sizes = [[_rows(leaf) for leaf in part] for part in parts]
    if len({size for part in sizes for size in part}) > 1:
        listed = zip(("x", "y", "sample_weight"), sizes, strict=True)
        raise ValueError(
            "Data cardinality is ambiguous. Make sure all arrays contain the same number of "
            "samples. "
            + ", ".join(f"'{name}' sizes: {', '.join(map(str, part))}" for name, part in listed)
        )


def _rows(leaf: Any) -> int:
    """Count samples."""
    try:
        return int(leaf.shape[0]) if getattr(leaf, "shape", ()) else len(leaf)
    except TypeError:
        raise TypeError(
            "Data must be arrays with an axis for the samples. "
            f"Received: {leaf!r} (of type {type(leaf).__name__})"
        ) from None
