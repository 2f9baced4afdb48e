"""Learning rates as functions of the step, under Keras's names.

A schedule is called with the number of steps so far and returns float32. It calculates in
float32, in Keras's order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from cnnfast import arguments
from cnnfast.serialization import Config, Configurable, Registry

ONE = np.float32(1.0)
HALF = np.float32(0.5)
PI = np.float32(math.pi)


class LearningRateSchedule(Configurable):
    """Base class of schedules. A subclass of the user defines `__call__` and `get_config`."""

    def __call__(self, step: Any) -> Any:
        """Return the learning rate.

        Args:
            step: number of steps done.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define `__call__`.")


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate * decay_rate^(step / decay_steps).

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps until it is multiplied by `decay_rate`, > 0.
        decay_rate: factor.
        staircase: whether the exponent is rounded down.
        name: kept in files.

    Raises:
        ValueError: an argument has a wrong value.
    """

    fields: ClassVar[tuple[str, ...]] = (
        "initial_learning_rate",
        "decay_steps",
        "decay_rate",
        "staircase",
        "name",
    )

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps", self)
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = type(self).__name__ if name is None else name

    def _elapsed(self, step: Any) -> np.float32:
        elapsed = np.float32(step) / np.float32(self.decay_steps)
        return np.floor(elapsed) if self.staircase else elapsed

    def __call__(self, step: Any) -> Any:
        """Return the learning rate."""
        decay = np.power(np.float32(self.decay_rate), self._elapsed(step))
        return np.float32(self.initial_learning_rate) * decay


class InverseTimeDecay(ExponentialDecay):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    Args:
        initial_learning_rate: at step 0.
        decay_steps: unit of time, > 0.
        decay_rate: what the divisor gains in a unit of time.
        staircase: whether the time is rounded down.
        name: kept in files.

    Raises:
        ValueError: an argument has a wrong value.
    """

    def __call__(self, step: Any) -> Any:
        """Return the learning rate."""
        divisor = ONE + np.float32(self.decay_rate) * self._elapsed(step)
        return np.float32(self.initial_learning_rate) / divisor


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to and at boundaries[0], values[1] up to and at boundaries[1], and so on.

    Args:
        boundaries: increasing steps.
        values: learning rates, one more.
        name: kept in files.

    Raises:
        ValueError: there is not one more.
    """

    fields: ClassVar[tuple[str, ...]] = ("boundaries", "values", "name")

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "PiecewiseConstantDecay: `values` must be one longer than `boundaries`. "
                f"Received: boundaries={boundaries}, values={values}"
            )
        self.boundaries = list(boundaries)
        self.values = list(values)
        self.name = name

    def __call__(self, step: Any) -> Any:
        """Return the learning rate."""
        passed = sum(int(step) > int(boundary) for boundary in self.boundaries)
        return np.float32(self.values[passed])


class PolynomialDecay(LearningRateSchedule):
    """(initial - end) * (1 - step / decay_steps)^power + end, and the end from there on.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps until the end, > 0.
        end_learning_rate: at the end.
        power: of the polynomial.
        cycle: whether it begins again at the end, with more steps each time.
        name: kept in files.

    Raises:
        ValueError: an argument has a wrong value.
    """

    fields: ClassVar[tuple[str, ...]] = (
        "initial_learning_rate",
        "decay_steps",
        "end_learning_rate",
        "power",
        "cycle",
        "name",
    )

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps", self)
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Any) -> Any:
        """Return the learning rate."""
        now, steps = np.float32(step), np.float32(self.decay_steps)
        if self.cycle:
            steps = steps * (np.ceil(now / steps) if now else ONE)
        left = ONE - np.minimum(now, steps) / steps
        end = np.float32(self.end_learning_rate)
        fall = np.float32(self.initial_learning_rate) - end
        return fall * np.power(left, np.float32(self.power)) + end


class CosineDecay(LearningRateSchedule):
    """Half a wave of a cosine, after a linear rise if there is one.

    rise:  from initial_learning_rate to warmup_target in warmup_steps
    fall:  start * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha)

    Args:
        initial_learning_rate: at step 0.
        decay_steps: steps of the fall, > 0.
        alpha: share of the learning rate that is left at the end.
        name: kept in files.
        warmup_target: where the rise ends and the fall begins; None for no rise.
        warmup_steps: steps of the rise.

    Raises:
        ValueError: an argument has a wrong value.
    """

    fields: ClassVar[tuple[str, ...]] = (
        "initial_learning_rate",
        "decay_steps",
        "alpha",
        "name",
        "warmup_target",
        "warmup_steps",
    )

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(decay_steps, "decay_steps", self)
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Any) -> Any:
        """Return the learning rate."""
        now, start = np.float32(step), np.float32(self.initial_learning_rate)
        if self.warmup_target is None:
            return self._fall(now, start)
        target, rise = np.float32(self.warmup_target), np.float32(self.warmup_steps)
        if now < rise:
            return (target - start) * (now / rise) + start
        return self._fall(now - rise, target)

    def _fall(self, now: np.float32, start: np.float32) -> Any:
        steps = np.float32(self.decay_steps)
        wave = HALF * (ONE + np.cos(PI * (np.minimum(now, steps) / steps)))
        return start * (np.float32(1.0 - self.alpha) * wave + np.float32(self.alpha))


class CosineDecayRestarts(LearningRateSchedule):
    """Half waves of a cosine, one after the other.

    Args:
        initial_learning_rate: at step 0.
        first_decay_steps: steps of the first half wave, > 0.
        t_mul: how many times as long each is as the one before.
        m_mul: how many times as high.
        alpha: share of the learning rate that is left at the end of a half wave.
        name: kept in files.

    Raises:
        ValueError: an argument has a wrong value.
    """

    fields: ClassVar[tuple[str, ...]] = (
        "initial_learning_rate",
        "first_decay_steps",
        "t_mul",
        "m_mul",
        "alpha",
        "name",
    )

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _positive(first_decay_steps, "first_decay_steps", self)
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Any) -> Any:
        """Return the learning rate."""
        restarts, fraction = self._place(np.float32(step) / np.float32(self.first_decay_steps))
        height = HALF * np.power(np.float32(self.m_mul), restarts)
        wave = height * (ONE + np.cos(PI * fraction))
        alpha = np.float32(self.alpha)
        return np.float32(self.initial_learning_rate) * ((ONE - alpha) * wave + alpha)

    def _place(self, elapsed: np.float32) -> tuple[np.float32, np.float32]:
        """Return the number of half waves that are over and the part of the present one."""
        ratio = np.float32(self.t_mul)
        if ratio == ONE:
            return np.floor(elapsed), elapsed - np.floor(elapsed)
        growth = np.log(ONE - elapsed * (ONE - ratio)) / np.log(ratio)
        restarts = np.floor(growth)
        length = np.power(ratio, restarts)
        return restarts, (elapsed - (ONE - length) / (ONE - ratio)) / length


def _positive(value: float, name: str, owner: LearningRateSchedule) -> float:
    arguments.number(value, name, type(owner).__name__, above=0)
    return value


CLASSES: tuple[type[LearningRateSchedule], ...] = (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
REGISTRY: Registry[Any] = Registry("schedule", {cls.__name__: cls for cls in CLASSES})
REGISTRY.module = "keras.optimizers.schedules"


def serialize(learning_rate_schedule: Any) -> Config | None:
    """Describe a schedule, or a named function, the way a Keras 3 file does."""
    return REGISTRY.serialize(learning_rate_schedule)


def deserialize(
    config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """Build the schedule that a file describes.

    Args:
        config: a dict of Keras 2 or 3.
        custom_objects: further classes and functions of the caller, by name; they go first.

    Returns:
        The schedule.

    Raises:
        ValueError: the description is broken or its name is not known.
        TypeError: the arguments do not fit the class.
    """
    return REGISTRY.deserialize(config, custom_objects)
