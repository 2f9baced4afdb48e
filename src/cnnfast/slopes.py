"""Derivatives of regularizers, those that say nothing about theirs included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.losses.differences import MOST_CALLS, differentiated


def slope_of(regularizer: Callable[[Any], Any], x: NDArray[np.float32]) -> NDArray[Any]:
    """Differentiate a penalty.

    Args:
        regularizer: returns a number. Its method or attribute `gradient` returns the derivative by
            each element; where it has none, differences are taken as for losses.
        x: where to.

    Returns:
        An array of the shape of x.

    Raises:
        ValueError: the gradient has another shape, or differences would take too many calls.
    """
    gradient = getattr(regularizer, "gradient", None)
    if gradient is not None:
        try:
            found = np.asarray(gradient(x))
        except NotImplementedError:
            return _by_differences(regularizer, x)
        if found.shape != x.shape:
            raise ValueError(
                f"The gradient of {_named(regularizer)} must have the shape {x.shape} of what it "
                f"is called with. Received: shape {found.shape}"
            )
        return found
    return _by_differences(regularizer, x)


def _by_differences(regularizer: Callable[[Any], Any], x: NDArray[np.float32]) -> NDArray[Any]:
    if 2 * x.size > MOST_CALLS:
        raise ValueError(
            f"The {_named(regularizer)} has no gradient of its own and would have to be called "
            f"{2 * x.size} times for each batch, at most {MOST_CALLS} are. Give it a method or "
            "attribute `gradient`: a function of the array that returns the derivative by each "
            "element."
        )
    _, pullback = differentiated(lambda _, values: regularizer(values), x, x)
    return pullback(np.ones(()))


def _named(regularizer: Any) -> str:
    name = getattr(regularizer, "__name__", type(regularizer).__name__)
    return f"regularizer {name}"
