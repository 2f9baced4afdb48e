"""Where `fit` and `evaluate` take their batches from: arrays of any kind, or batches themselves."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from cnnfast.engine.arrays import FLOAT32, INT32, kernel_array
from cnnfast.models.model import Model
from cnnfast.models.samples import Samples, batch_parts, is_batched, is_indexed
from cnnfast.training import class_weights
from cnnfast.training.batch import Batch, check_counts, numbers_of
from cnnfast.training.class_weights import ClassWeight
from cnnfast.training.outputs import by_output

DEFAULT_BATCH_SIZE = 32


class Source(Protocol):
    """Gives batches, as often as it is asked to.

    Attributes:
        seed: what the order of samples depends on, together with the number of the epoch.
    """

    seed: int

    @property
    def count(self) -> int | None:
        """Number of batches in an epoch; None if unknown."""

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Go through the data once.

        Args:
            epoch: its number, from 0.
        """

    def on_epoch_end(self) -> None:
        """Tell the data that an epoch is over."""

    def overview(self) -> Batch | None:
        """Give a batch of no samples, but with all targets that lie in memory; None if unknown."""


def source_of(
    model: Model,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    shuffle: bool | str = False,
    class_weight: ClassWeight | None = None,
    seed: int = 0,
) -> Source:
    """Choose how to read what `fit` or `evaluate` was given.

    Args:
        model: that the data is for.
        x: arrays, or batches.
        y: targets; None if `x` is batches.
        sample_weight: weights of samples; None if `x` is batches.
        batch_size: samples in a batch, 32 if None; batches keep their own size.
        shuffle: whether samples, or batches, come in another order each epoch; "batch" changes
            the order inside of batches alone.
        class_weight: weight of a sample by its class.
        seed: of the order.

    Raises:
        ValueError: the parts do not fit each other or the model.
        TypeError: something is no data.
    """
    if x is None:
        raise ValueError("Training and evaluation need samples. Received: x=None")
    if not is_batched(x):
        size = DEFAULT_BATCH_SIZE if batch_size is None else batch_size
        return ArraySource(model, x, y, sample_weight, size, shuffle, class_weight, seed)
    for name, given in (("y", y), ("sample_weight", sample_weight)):
        if given is not None:
            raise ValueError(
                f"When providing `x` as a {type(x).__name__}, `{name}` should not be passed. "
                "Instead, it should be a part of each batch."
            )
    return BatchSource(model, x, bool(shuffle), class_weight, seed)


class ArraySource:
    """Arrays of samples, cut into batches without reading them whole.

    Args:
        model: that the data is for.
        x: the inputs.
        y: the targets.
        sample_weight: the weights.
        batch_size: samples in a batch; the last one may have fewer.
        shuffle: see `source_of`.
        class_weight: see `source_of`.
        seed: see `source_of`.

    Raises:
        ValueError: there are no samples, or not equally many of everything.
        TypeError: an argument is of a wrong type.
    """

    def __init__(
        self,
        model: Model,
        x: Any,
        y: Any,
        sample_weight: Any,
        batch_size: int,
        shuffle: bool | str,
        class_weight: ClassWeight | None,
        seed: int,
    ) -> None:
        self._model = model
        self.batch_size = checked_size(batch_size)
        self._shuffle = _checked_shuffle(shuffle)
        self._class_weight = class_weight
        self.seed = seed
        inputs = model.split_inputs(x)
        parts = (inputs, by_output(model, y, "y"), by_output(model, sample_weight, "sample_weight"))
        class_weights.check(class_weight, sample_weight is not None, len(parts[1]))
        self._present = [[leaf is not None for leaf in part] for part in parts]
        leaves = [[leaf for leaf in part if leaf is not None] for part in parts]
        check_counts(leaves)
        self._samples = Samples(model.name, [leaf for part in leaves for leaf in part])
        self._first, self._stop = 0, self._samples.count
        if not self._stop:
            raise ValueError("Expected input data to be non-empty.")
        self._whole = self._made_whole()
        if self._whole is None:
            # Nothing is trained before a look at no samples at all has shown that they fit.
            self._batch(self._samples.rows(0, 0))

    def _made_whole(self) -> Batch | None:
        """Make all samples one batch, where that copies none: to cut it is then all there is to do.

        Preparing each batch by itself takes 15 microseconds, a step of a small network less.
        """
        arrays = self._samples.arrays
        inputs = arrays[: len(self._present[0])]
        is_ready = all(type(array) is np.ndarray for array in arrays) and all(
            array.dtype in (FLOAT32, INT32) and array.flags.carray for array in inputs
        )
        if not is_ready or self._class_weight is not None:
            return None
        whole = self._batch(arrays)
        return whole if all(map(np.may_share_memory, whole.inputs, inputs)) else None

    @property
    def samples(self) -> int:
        """Number of samples."""
        return self._stop - self._first

    @property
    def count(self) -> int:
        """Number of batches in an epoch."""
        return -(-self.samples // self.batch_size)

    def split(self, fraction: float) -> tuple[Self, Self]:
        """Cut off the last samples for validation.

        Args:
            fraction: of the samples, above 0 and below 1.

        Returns:
            The source for training, and the one for validation, which keeps its order.

        Raises:
            ValueError: the fraction is out of range, or one of the two would be empty.
        """
        if not 0 < fraction < 1:
            raise ValueError(
                f"`validation_split` must be between 0 and 1. Received: validation_split={fraction}"
            )
        border = math.floor(self.samples * (1.0 - fraction))
        if border in (0, self.samples):
            raise ValueError(
                f"Training data contains {self.samples} samples, which is not sufficient to split "
                "it into a validation and training set as specified by "
                f"`validation_split={fraction}`. Either provide more data, or a different value "
                "for the `validation_split` argument."
            )
        training, validation = copy.copy(self), copy.copy(self)
        training._stop = validation._first = self._first + border
        validation._shuffle, validation._class_weight = False, None
        return training, validation

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Go through the samples once.

        Args:
            epoch: its number, from 0.

        Yields:
            The batches.
        """
        for start, stop, numbers in self._cuts(epoch):
            if numbers is not None:
                whole = self._whole
                yield whole.take(numbers) if whole else self._batch(self._samples.take(numbers))
            elif self._whole is not None:
                yield self._whole.cut(start, stop)
            else:
                yield self._batch(self._samples.rows(start, stop))
                self._samples.release(start, stop)

    def _cuts(self, epoch: int) -> Iterator[tuple[int, int, NDArray[Any] | None]]:
        """Say which samples are in each batch: a range, or their numbers if they are shuffled."""
        random = np.random.RandomState([self.seed, epoch]) if self._shuffle else None
        order = random.permutation(self.samples) if random and self._shuffle is True else None
        for start in range(0, self.samples, self.batch_size):
            stop = min(start + self.batch_size, self.samples)
            first, numbers = self._first + start, None
            if order is not None:
                numbers = self._first + order[start:stop]
            elif random is not None:
                numbers = first + random.permutation(stop - start)
            yield first, self._first + stop, numbers

    def _batch(self, leaves: list[Any]) -> Batch:
        rest = iter(leaves)
        parts = [[next(rest) if is_there else None for is_there in part] for part in self._present]
        return made_batch(self._model, parts[0], parts[1], parts[2], self._class_weight)

    def on_epoch_end(self) -> None:
        """Nothing changes."""

    def overview(self) -> Batch:
        """Give a batch of no samples, but with all targets that lie in memory."""
        nothing = self._batch(self._samples.rows(0, 0))
        leaves = iter(self._samples.arrays[len(nothing.inputs) :])
        found = [next(leaves) if is_there else None for is_there in self._present[1]]
        targets = [
            leaf[self._first : self._stop] if type(leaf) is np.ndarray else empty
            for leaf, empty in zip(found, nothing.targets, strict=True)
        ]
        return nothing._replace(targets=targets)


class BatchSource:
    """Batches from a generator, a PyDataset or anything else that gives them.

    Args:
        model: that the data is for.
        data: yields or holds batches.
        shuffle: whether batches that have numbers come in another order each epoch.
        class_weight: see `source_of`.
        seed: see `source_of`.
    """

    def __init__(
        self,
        model: Model,
        data: Any,
        shuffle: bool,
        class_weight: ClassWeight | None,
        seed: int,
    ) -> None:
        self._model = model
        self._data = data
        self._shuffle = shuffle
        self._class_weight = class_weight
        self.seed = seed

    @property
    def count(self) -> int | None:
        """Number of batches in an epoch; None if unknown."""
        try:
            return len(self._data)
        except TypeError:
            return None

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Go through the data once, or on where a generator stopped.

        Args:
            epoch: its number, from 0.

        Yields:
            The batches.
        """
        _call(self._data, "on_epoch_begin")
        for batch in self._raw(epoch):
            x, y, weight = batch_parts(batch)
            inputs = self._model.split_inputs(x)
            targets = by_output(self._model, y, "y")
            weights = by_output(self._model, weight, "sample_weight")
            class_weights.check(self._class_weight, weight is not None, len(targets))
            yield made_batch(self._model, inputs, targets, weights, self._class_weight)

    def _raw(self, epoch: int) -> Iterator[Any]:
        if not is_indexed(self._data):
            yield from self._data
            return
        numbers: Sequence[int] | NDArray[Any] = range(len(self._data))
        if self._shuffle:
            numbers = np.random.RandomState([self.seed, epoch]).permutation(len(self._data))
        for number in numbers:
            yield self._data[int(number)]

    def on_epoch_end(self) -> None:
        """Tell the data that an epoch is over."""
        _call(self._data, "on_epoch_end")

    def overview(self) -> None:
        """Nothing is known before a batch is taken, and a generator gives each only once."""


def made_batch(
    model: Model,
    inputs: list[Any],
    targets: list[Any],
    weights: list[Any],
    class_weight: ClassWeight | None = None,
) -> Batch:
    """Give a batch the types and shapes that training takes.

    Args:
        model: that the data is for; it is built if it is not.
        inputs: data of each input.
        targets: of each output, or None.
        weights: of each output's samples, or None.
        class_weight: see `source_of`.

    Raises:
        ValueError: shapes or numbers of samples do not fit.
        TypeError: an input holds no real numbers.
    """
    arrays = model.fit_arrays(inputs)
    dtypes = model.kernel_input_dtypes(len(arrays))
    ready = [
        kernel_array(array, np.dtype(dtype)) for array, dtype in zip(arrays, dtypes, strict=True)
    ]
    wanted = [numbers_of(target) for target in targets]
    importance = [numbers_of(weight) for weight in weights]
    if class_weight is not None and wanted[0] is not None:
        importance = [class_weights.sample_weights(wanted[0], class_weight)]
    check_counts(
        [ready, *([leaf for leaf in part if leaf is not None] for part in (wanted, importance))]
    )
    return Batch(ready, wanted, importance)


def _checked_shuffle(shuffle: Any) -> bool | str:
    if shuffle not in (True, False, "batch", None):
        raise ValueError(f'`shuffle` must be True, False or "batch". Received: shuffle={shuffle!r}')
    return "batch" if shuffle == "batch" else bool(shuffle)


def checked_size(value: Any, name: str = "batch_size") -> int:
    """Check a number of samples.

    Args:
        value: as the user passed it.
        name: of the argument.

    Raises:
        TypeError: it is no integer.
        ValueError: it is less than one.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"`{name}` must be an integer. Received: {name}={value!r}")
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1. Received: {name}={value!r}")
    return int(value)


def _call(data: Any, hook: str) -> None:
    method = getattr(data, hook, None)
    if callable(method):
        method()
