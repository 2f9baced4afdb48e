"""Where `predict` takes its samples from: arrays of any kind, or batches that come one by one."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from itertools import islice
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.models.mapped import release_mapped_rows


class Samples:
    """The data of a model's inputs, cut along the batch axis without reading it all.

    Args:
        name: the model's name, for errors.
        leaves: data of each input: an array, something that slices like one, or nested lists.

    Raises:
        ValueError: the inputs hold different numbers of samples.
    """

    def __init__(self, name: str, leaves: list[Any]) -> None:
        self._leaves = [_sliceable(leaf) for leaf in leaves]
        counts = [leaf.shape[0] if leaf.shape else None for leaf in self._leaves]
        if None in counts:
            raise ValueError(
                f"The inputs of model '{name}' must be arrays with an axis for the samples. "
                f"Received: {leaves[counts.index(None)]!r}"
            )
        if len(set(counts)) > 1:
            raise ValueError(
                f"The inputs of model '{name}' must hold the same number of samples. "
                f"Received: {', '.join(map(str, counts))}"
            )
        self.count: int = self._leaves[0].shape[0]
        self.bytes_per_sample = sum(4 * max(1, prod(leaf.shape[1:])) for leaf in self._leaves)

    @property
    def arrays(self) -> list[Any]:
        """The data of each input."""
        return self._leaves

    def rows(self, start: int, stop: int) -> list[Any]:
        """Cut out a range of samples.

        Args:
            start: first sample.
            stop: sample after the last.
        """
        return [leaf[start:stop] for leaf in self._leaves]

    def take(self, numbers: NDArray[Any]) -> list[Any]:
        """Gather samples.

        Args:
            numbers: of the samples, in the order wanted.
        """
        return [_gathered(leaf, numbers) for leaf in self._leaves]

    def release(self, start: int, stop: int) -> None:
        """Let go of the memory of samples that are done, where it is a mapped file's.

        Args:
            start: first sample.
            stop: sample after the last.
        """
        for leaf in self._leaves:
            release_mapped_rows(leaf, start, stop)


def _sliceable(leaf: Any) -> Any:
    """Keep what has a shape and slices like an array; turn the rest into an array."""
    is_array_like = all(hasattr(leaf, name) for name in ("shape", "dtype", "__getitem__"))
    is_labelled = hasattr(leaf, "iloc")
    return leaf if is_array_like and not is_labelled else np.asarray(leaf)


def _gathered(leaf: Any, numbers: NDArray[Any]) -> Any:
    if isinstance(leaf, np.ndarray):
        return leaf[numbers]
    # Datasets of HDF5 files are read in the order of the file, and no row twice.
    order = np.argsort(numbers)
    places = np.argsort(order)
    return np.asarray(leaf[numbers[order]])[places]


def is_batched(data: Any) -> bool:
    """Tell batches that come one by one from arrays of samples.

    Args:
        data: what was passed to `predict`.
    """
    if isinstance(data, Mapping | list | tuple | str | bytes) or hasattr(data, "shape"):
        return False
    return hasattr(data, "__iter__") or is_indexed(data)


def is_indexed(data: Any) -> bool:
    """Tell batches that are found by their numbers from those that only come one by one.

    Args:
        data: batches.
    """
    return hasattr(data, "__len__") and hasattr(data, "__getitem__")


def batches_of(data: Any, steps: int | None) -> Iterator[Any]:
    """Take the inputs out of batches.

    Args:
        data: yields or holds batches: an array, or (x,), (x, y) or (x, y, sample weights).
        steps: number of batches to take; all if None.

    Yields:
        The inputs of each batch. A warning tells if there are fewer than `steps`.
    """
    source = (data[index] for index in range(len(data))) if is_indexed(data) else iter(data)
    taken = 0
    for batch in islice(source, steps):
        yield batch_parts(batch)[0]
        taken += 1
    if steps is not None and taken < steps:
        warnings.warn(
            f"The data ended after {taken} batches; steps={steps} asked for more.", stacklevel=2
        )


def batch_parts(batch: Any) -> tuple[Any, Any, Any]:
    """Take a batch apart.

    Args:
        batch: the inputs, or a tuple or list (x,), (x, y) or (x, y, sample weights).

    Returns:
        Inputs, targets and weights, None where there are none.

    Raises:
        ValueError: it has more than three parts.
    """
    parts = tuple(batch) if isinstance(batch, list | tuple) else (batch,)
    if not 1 <= len(parts) <= 3:
        raise ValueError(
            "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, "
            f"found: {len(parts)} parts"
        )
    return (*parts, None, None)[:3]
