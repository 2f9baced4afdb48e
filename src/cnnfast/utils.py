"""Helpers around models: labels, sequences, seeds and datasets."""

from __future__ import annotations

import random as python_random
from collections import abc
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cnnfast import random
from cnnfast.names import reset_names

Side = Literal["pre", "post"]


def clear_session(free_memory: bool = True) -> None:
    """Number the automatic names of layers and models from the beginning again.

    Args:
        free_memory: accepted for Keras's sake; memory is freed with the models themselves.
    """
    reset_names()


def set_random_seed(seed: int) -> None:
    """Make everything random that follows repeatable: Python's, NumPy's and initial weights.

    Args:
        seed: at least 0 and below 2**32.

    Raises:
        ValueError: it is out of range.
        TypeError: it is no integer.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
        raise TypeError(f"`seed` must be an integer. Received: seed={seed!r}")
    random.set_seed(int(seed))
    python_random.seed(int(seed))
    np.random.seed(int(seed))


def to_categorical(x: ArrayLike, num_classes: int | None = None) -> NDArray[np.float64]:
    """Turn class numbers into rows with a one at the class and zeros elsewhere.

    Args:
        x: integers, of any shape; a last axis of size one is dropped.
        num_classes: length of a row; one more than the largest number if None.

    Returns:
        float64, shape (*x.shape, num_classes).

    Raises:
        ValueError: a number is negative or not below `num_classes`.
    """
    classes = np.asarray(x).astype("int64")
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    count = num_classes or (int(classes.max()) + 1 if classes.size else 0)
    if classes.size and not (classes.min() >= 0 and classes.max() < count):
        raise ValueError(
            f"Class numbers must be at least 0 and below num_classes={count}. "
            f"Received numbers from {classes.min()} to {classes.max()}"
        )
    rows = np.zeros((*classes.shape, count))
    np.put_along_axis(rows, classes[..., np.newaxis], 1.0, axis=-1)
    return rows


def normalize(x: ArrayLike, axis: int = -1, order: int = 2) -> NDArray[Any]:
    """Divide by the norm along an axis; vectors of zeros stay.

    Args:
        x: numbers.
        axis: along which to take norms.
        order: of the norm: 1 for absolute values, 2 for the Euclidean length.

    Returns:
        Array of the shape of `x`.
    """
    array = np.asarray(x)
    norms = np.linalg.norm(array, order, axis, keepdims=True)
    normalized: NDArray[Any] = array / np.where(norms == 0, 1, norms)
    return normalized


def pad_sequences(
    sequences: abc.Iterable[abc.Sequence[Any]],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: Side = "pre",
    truncating: Side = "pre",
    value: Any = 0.0,
) -> NDArray[Any]:
    """Bring sequences to one length.

    Args:
        sequences: each a sequence of numbers or of equally long vectors.
        maxlen: the length; that of the longest sequence if None.
        dtype: data type of the result.
        padding: where to add to short sequences: "pre" or "post".
        truncating: where to cut long sequences: "pre" or "post".
        value: what to add.

    Returns:
        Array of shape (number of sequences, maxlen, ...).

    Raises:
        ValueError: an option is unknown, or the vectors of the sequences have different shapes.
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ValueError(f"`{name}` must be 'pre' or 'post'. Received: {name}={side!r}")
    rows = [_as_row(sequence, dtype) for sequence in sequences]
    length = max((len(row) for row in rows), default=0) if maxlen is None else maxlen
    item_shape = next((row.shape[1:] for row in rows if len(row)), ())
    padded = np.full((len(rows), length, *item_shape), value, dtype)
    for target, row in zip(padded, rows, strict=True):
        kept = row[max(0, len(row) - length) :] if truncating == "pre" else row[:length]
        if len(kept):
            _check_items(kept.shape[1:], item_shape)
            start = length - len(kept) if padding == "pre" else 0
            target[start : start + len(kept)] = kept
    return padded


def _as_row(sequence: Any, dtype: DTypeLike) -> NDArray[Any]:
    if not hasattr(sequence, "__len__"):
        raise ValueError(f"`sequences` must hold sequences. Received one that is: {sequence!r}")
    return np.asarray(sequence, dtype=dtype)


def _check_items(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise ValueError(
            "The items of all sequences must have the same shape. "
            f"Expected: {expected}. Received: {shape}"
        )


class PyDataset:
    """Batches by number, for data that does not fit in memory.

    A subclass defines `__len__`, the number of batches, and `__getitem__`, which returns batch
    number i as (x,), (x, y) or (x, y, sample weights).

    Args:
        **options: `workers`, `use_multiprocessing` and `max_queue_size`, accepted for Keras's
            sake.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define `__getitem__`.")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must define `__len__`.")

    def on_epoch_end(self) -> None:
        """Run after each pass over the data, to shuffle it, say."""


# The name of the same thing in Keras 2.
Sequence = PyDataset
