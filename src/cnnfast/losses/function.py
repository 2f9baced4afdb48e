"""Losses as functions of two arrays that know their own slope.

A formula takes targets and predictions and returns (values, pullback). A pullback takes one
factor for each value and returns the derivative of their weighted sum by the predictions; it
calculates nothing before it is called.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Pullback = Callable[[Array], Array]
Pair = tuple[Array, Pullback]


class LossFunction:
    """A loss that is called like a function, and can be differentiated.

    Args:
        formula: takes arrays of one floating-point type and options; returns (values, pullback).
    """

    __name__: str

    def __init__(self, formula: Callable[..., Pair], prepare: Callable[..., Any]) -> None:
        functools.update_wrapper(self, formula)
        self._formula, self._prepare = formula, prepare

    def __call__(self, y_true: ArrayLike, y_pred: ArrayLike, **options: Any) -> Array:
        """Return the values: one for each place in the arrays, or each sample."""
        return self.with_slope(y_true, y_pred, **options)[0]

    def with_slope(self, y_true: ArrayLike, y_pred: ArrayLike, **options: Any) -> Pair:
        """Return the values and their pullback.

        Args:
            y_true: targets.
            y_pred: predictions; float64 is kept, all else becomes float32.
            options: what the function takes.

        Raises:
            ValueError: the shapes do not fit together.
        """
        try:
            return self._formula(*self._prepare(y_true, y_pred), **options)
        except ValueError as error:
            raise ValueError(f"{self.__name__}: {error}") from None

    def __reduce__(self) -> str:
        return self.__name__

    def __repr__(self) -> str:
        return f"<loss function {self.__name__}>"


def dense(formula: Callable[..., Pair]) -> LossFunction:
    """Make a loss function of targets that have the shape of the predictions."""
    return LossFunction(formula, aligned)


def sparse(formula: Callable[..., Pair]) -> LossFunction:
    """Make a loss function of targets that are the numbers of classes."""
    return LossFunction(formula, unaligned)


def aligned(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Bring targets to the type and shape of the predictions.

    Args:
        y_true: targets; a last axis of size 1 may be missing or too many.
        y_pred: predictions.

    Returns:
        Both arrays, of one shape and one floating-point type.

    Raises:
        ValueError: the shapes do not fit together.
    """
    predictions = floating(y_pred)
    targets, predictions = same_rank(np.asarray(y_true, predictions.dtype), predictions)
    if targets.shape == predictions.shape:
        return targets, predictions
    try:
        return np.broadcast_to(targets, predictions.shape), predictions
    except ValueError:
        raise ValueError(
            "targets must have the shape of the predictions. "
            f"Received: y_true.shape={np.shape(y_true)}, y_pred.shape={np.shape(y_pred)}"
        ) from None


def unaligned(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Bring predictions to a floating-point type and leave targets alone."""
    return np.asarray(y_true), floating(y_pred)


def floating(values: ArrayLike) -> Array:
    """Return float64 as it is and everything else as float32."""
    array = np.asarray(values)
    return array if array.dtype == np.float64 else np.asarray(array, np.float32)


def same_rank(first: Array, second: Array) -> tuple[Array, Array]:
    """Add or drop a last axis of size 1 where ranks differ by one, as Keras does."""
    if first.ndim == second.ndim + 1 and first.shape[-1] == 1:
        if second.ndim == 1:
            return first, second[..., np.newaxis]
        return first[..., 0], second
    if second.ndim == first.ndim + 1 and second.shape[-1] == 1:
        if first.ndim == 1:
            return first[..., np.newaxis], second
        return first, second[..., 0]
    return first, second


def along(axis: int, slope: Callable[[], Array]) -> Pullback:
    """Make the pullback of values that lost an axis to a sum.

    Args:
        axis: that axis.
        slope: gives the derivative of each value by the elements it is made of.
    """
    return lambda factors: np.expand_dims(factors, axis) * slope()
