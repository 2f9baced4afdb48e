"""Slopes of losses that bring none: central differences in float64.

The slope by an element e of y_pred is (f(e + h) - f(e - h)) / 2h, with h = 2^-17 times the
larger of |e| and 2^-9. For smooth losses the error is around 10^-8 of the loss, less than what
float32 rounds off; where e lies within h of a kink, the slope is a mean of both sides; a loss that
grows without bound towards zero, like a logarithm, loses accuracy below e = 10^-5.

Samples that do not influence each other's losses are moved all at once: twice as many calls of
the loss as a sample has elements. Whether they do is found out by moving half of them. Where they
do, or where the loss is a single number, it takes twice as many calls as the batch has elements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnfast.losses.function import Array, Pair

STEP = 2.0**-17
SMALLEST_SCALE = 2.0**-9

# A call takes some 10 microseconds at least: more of them would be minutes an epoch.
MOST_CALLS = 20_000

Values = Callable[[Array], Array]


def differentiated(function: Callable[..., Any], y_true: Array, y_pred: Array) -> Pair:
    """Call a loss, and differentiate it when asked.

    Args:
        function: takes y_true and y_pred, made of operations on NumPy arrays.
        y_true: targets, first axis: samples.
        y_pred: predictions, first axis: samples.

    Returns:
        The values and their pullback.

    Raises:
        ValueError: later, from the pullback: the loss would have to be called too often.
    """

    def evaluate(predictions: Array) -> Array:
        return np.asarray(function(y_true, predictions), np.float64)

    at = np.asarray(y_pred, np.float64)
    values = evaluate(at)

    def pullback(factors: Array) -> Array:
        apart = _samples_are_apart(evaluate, at, values)
        slope = _by_sample(evaluate, at, factors) if apart else _by_element(evaluate, at, factors)
        return slope.astype(y_pred.dtype)

    return values.astype(y_pred.dtype), pullback


def _steps(at: Array) -> Array:
    steps: Array = STEP * np.maximum(np.abs(at), SMALLEST_SCALE)
    return steps


def _samples_are_apart(evaluate: Values, at: Array, values: Array) -> bool:
    """Whether moving one half of the samples leaves the losses of the other half alone."""
    count = len(at) if at.ndim else 0
    if values.ndim == 0 or len(values) != count:
        return False
    moved = at.copy()
    moved[: count // 2] += _steps(at[: count // 2])
    return np.array_equal(evaluate(moved)[count // 2 :], values[count // 2 :], equal_nan=True)


def _by_sample(evaluate: Values, at: Array, factors: Array) -> Array:
    """Move an element of all samples at once."""
    flat, steps = at.reshape(len(at), -1), _steps(at).reshape(len(at), -1)
    _check_calls(2 * flat.shape[1])
    slope = np.empty_like(flat)
    for element in range(flat.shape[1]):
        move = np.zeros_like(flat)
        move[:, element] = steps[:, element]
        change = evaluate((flat + move).reshape(at.shape))
        change = factors * (change - evaluate((flat - move).reshape(at.shape)))
        slope[:, element] = change.reshape(len(at), -1).sum(1) / (2.0 * steps[:, element])
    return slope.reshape(at.shape)


def _by_element(evaluate: Values, at: Array, factors: Array) -> Array:
    """Move one element of the batch at a time."""
    _check_calls(2 * at.size)
    steps = _steps(at)
    slope = np.empty_like(at)
    for place in np.ndindex(at.shape):
        move = np.zeros_like(at)
        move[place] = steps[place]
        change = evaluate(at + move) - evaluate(at - move)
        slope[place] = (factors * change).sum() / (2.0 * steps[place])
    return slope


def _check_calls(calls: int) -> None:
    if calls > MOST_CALLS:
        raise ValueError(
            f"a loss without a slope of its own would have to be called {calls} times for each "
            f"batch, at most {MOST_CALLS} are. Give the function an attribute `slope`: a "
            "function of y_true and y_pred that returns the derivative of each value by y_pred."
        )
