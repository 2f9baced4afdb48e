"""Arrays that a model is trained on, cut into batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.engine.arrays import kernel_array
from cnnfast.models.model import Model
from cnnfast.training.setup import per_output
from cnnfast.training.step import Batch

Array = NDArray[Any]


class Arrays:
    """Inputs, targets and weights of samples.

    Args:
        model: that they are for; it is built if it is not.
        x: inputs, as the model takes them.
        y: targets: an array, or a list or dict of them for several outputs.
        sample_weight: likewise; None for 1.

    Raises:
        ValueError: they do not fit the model or each other, or hold no samples.
        TypeError: they hold no real numbers.
    """

    def __init__(self, model: Model, x: Any, y: Any, sample_weight: Any) -> None:
        arrays = model.fit_arrays(model.split_inputs(x))
        dtypes = model.kernel_input_dtypes(len(arrays))
        self.inputs = [
            kernel_array(array, np.dtype(dtype))
            for array, dtype in zip(arrays, dtypes, strict=True)
        ]
        self.targets = spread_over_outputs(model, y, "y")
        self.weights = spread_over_outputs(model, sample_weight, "sample_weight")
        if len(self.weights) == 1 < len(self.targets):
            self.weights *= len(self.targets)
        self._check_lengths(model)

    def _check_lengths(self, model: Model) -> None:
        arrays = [*self.inputs, *self.targets, *self.weights]
        counts = {len(array) for array in arrays if array is not None}
        if len(counts) > 1:
            raise ValueError(
                f"Inputs, targets and weights for model '{model.name}' must hold the same number "
                f"of samples. Received: {sorted(counts)}"
            )
        if counts == {0}:
            raise ValueError(f"There are no samples to train or evaluate model '{model.name}' on.")

    def __len__(self) -> int:
        return len(self.inputs[0])

    def batch(self, rows: Any) -> Batch:
        """Take some samples.

        Args:
            rows: a slice, or their numbers.
        """
        return Batch(
            [array[rows] for array in self.inputs],
            [None if array is None else array[rows] for array in self.targets],
            [None if array is None else array[rows] for array in self.weights],
        )

    def split(self, at: int) -> tuple[Arrays, Arrays]:
        """Cut in two.

        Args:
            at: the sample that the second part begins with.
        """
        return self._part(slice(None, at)), self._part(slice(at, None))

    def _part(self, rows: slice) -> Arrays:
        part = copy(self)
        part.inputs, part.targets, part.weights = map(list, self.batch(rows))
        return part

    def weigh_classes(self, class_weight: Mapping[int, float]) -> None:
        """Give samples the weights of their classes.

        Args:
            class_weight: by class; 1 for classes that are missing.

        Raises:
            ValueError: there are several outputs, or weights already.
        """
        if len(self.targets) != 1 or self.targets[0] is None:
            raise ValueError("`class_weight` is only supported for models with a single output.")
        if self.weights[0] is not None:
            raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
        targets = self.targets[0]
        one_hot = targets.ndim > 1 and targets.shape[-1] > 1
        classes = targets.argmax(-1) if one_hot else np.rint(targets.reshape(len(self), -1)[:, 0])
        found, places = np.unique(classes.astype(np.int64), return_inverse=True)
        weights = [class_weight.get(int(number), 1.0) for number in found]
        self.weights[0] = np.asarray(weights, np.float32)[places].reshape(classes.shape)

    def batches(self, size: int, order: Array | None) -> Iterator[Batch]:
        """Go through all samples once.

        Args:
            size: samples in a batch; the last one may have fewer.
            order: in which samples come; None for theirs.
        """
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            yield self.batch(rows if order is None else order[rows])


def spread_over_outputs(model: Model, given: Any, name: str) -> list[Array | None]:
    """Give each output its array.

    Args:
        model: with known outputs.
        given: one array, or a list or dict of them, or None.
        name: of the argument, for errors.
    """
    structured = isinstance(given, Mapping) or (
        isinstance(given, list | tuple) and any(hasattr(one, "shape") for one in given)
    )
    leaves = per_output(model, given, name, shared=False) if structured else [given]
    return [None if leaf is None else np.asarray(leaf) for leaf in leaves]
