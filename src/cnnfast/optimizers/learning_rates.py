"""Where an optimizer's learning rate comes from: a number, a schedule or a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnnfast import arguments
from cnnfast.optimizers import schedules
from cnnfast.optimizers.schedules import LearningRateSchedule
from cnnfast.state import StateVariable

Rate = StateVariable | LearningRateSchedule | Callable[[], Any]


def parse(learning_rate: Any, owner: str, name: str) -> Rate:
    """Turn what the user gave into a source of learning rates.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        owner: the optimizer's class, for messages.
        name: the optimizer's name.

    Returns:
        A variable for a number; a schedule or function as it is.

    Raises:
        ValueError: it is none of these.
    """
    if callable(learning_rate):
        source: Rate = learning_rate
        return source
    number = arguments.number(_plain(learning_rate), "learning_rate", owner)
    return StateVariable(number, "learning_rate", name)


def present(rate: Rate, step: int) -> Any:
    """Return the variable, or the value at a step counted from 0."""
    if isinstance(rate, StateVariable):
        return rate
    if isinstance(rate, LearningRateSchedule):
        return rate(step)
    return rate()


def replaced(rate: Rate, learning_rate: Any, owner: str) -> Rate:
    """Return the source after the user has set the learning rate.

    Args:
        rate: the present source.
        learning_rate: a number, a schedule, or a function without arguments.
        owner: the optimizer's class, for messages.

    Raises:
        TypeError: a schedule or function would be overwritten by a number.
        ValueError: it is none of these.
    """
    if callable(learning_rate):
        source: Rate = learning_rate
        return source
    if not isinstance(rate, StateVariable):
        raise TypeError(
            f"{owner}: the learning rate comes from {rate!r} and cannot be set to a number. "
            "Build the optimizer with a number to be able to."
        )
    return rate.assign(arguments.number(_plain(learning_rate), "learning_rate", owner))


def describe(rate: Rate) -> Any:
    """Return what a file keeps: a number, or the description of a schedule or function."""
    if isinstance(rate, StateVariable):
        return float(rate)
    return schedules.serialize(rate)


def _plain(value: Any) -> Any:
    """Return the Python number in a scalar array or variable."""
    if isinstance(value, StateVariable | np.ndarray | np.generic) and np.ndim(value) == 0:
        return np.asarray(value).item()
    return value
