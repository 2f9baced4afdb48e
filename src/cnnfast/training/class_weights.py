"""Weights of classes as weights of samples."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

ClassWeight = Mapping[int, float]


def sample_weights(targets: Any, class_weight: ClassWeight) -> NDArray[np.float32]:
    """Give each sample the weight of its class.

    Args:
        targets: class numbers, shape (N,) or (N, 1), rounded if they are no integers; or one row
            for each sample, shape (N, ..., classes), in which the largest number marks the class.
        class_weight: weight of a class by its number; 1 for those that are missing.

    Returns:
        float32, of the shape of the class numbers.
    """
    classes = np.asarray(targets)
    if classes.ndim > 1:
        classes = classes[..., 0] if classes.shape[-1] == 1 else classes.argmax(axis=-1)
    numbers, places = np.unique(np.round(classes).astype(np.int64), return_inverse=True)
    weights = np.array([class_weight.get(int(number), 1.0) for number in numbers], np.float32)
    spread: NDArray[np.float32] = weights[places].reshape(classes.shape)
    return spread


def check(class_weight: Any, has_weights: bool, outputs: int) -> None:
    """Refuse class weights where they have no meaning.

    Args:
        class_weight: as the user passed it.
        has_weights: whether there are weights of samples as well.
        outputs: number of outputs of the model.

    Raises:
        TypeError: it is no dict of numbers.
        ValueError: there are weights of samples too, or several outputs.
    """
    if class_weight is None:
        return
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            "`class_weight` must be a dict of weights by class number. "
            f"Received: class_weight={class_weight!r}"
        )
    for number, weight in class_weight.items():
        if not isinstance(number, Real) or np.ndim(weight) or np.asarray(weight).dtype.kind in "US":
            raise TypeError(
                "`class_weight` must map numbers of classes to numbers. "
                f"Received: class_weight={class_weight!r}"
            )
    if has_weights:
        raise ValueError("You cannot specify `class_weight` and `sample_weight` at the same time.")
    if outputs > 1:
        raise ValueError(
            "`class_weight` is only supported for Models with a single output. "
            f"This one has {outputs}."
        )
