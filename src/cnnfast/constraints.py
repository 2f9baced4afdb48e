"""Limits that weights are brought back to after each step of training, under Keras's names.

A constraint is called with a weight and returns a new array that keeps the limit. `axis` says
over which axes a norm runs: 0 for a Dense kernel (inputs, units), [0, 1, 2] for a Conv2D kernel
(R, S, C, K), so that each unit or filter has its own. Norms are summed in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnfast import arguments
from cnnfast.ops.geometry import is_integer, received
from cnnfast.serialization import Config, Configurable, Registry

Array = NDArray[Any]
Axes = int | Sequence[int] | None
Float64 = NDArray[np.float64]
Function = Callable[..., Any]

# Keras's epsilon: keeps the quotient finite where a norm is 0.
EPSILON = 1e-7


class Constraint(Configurable):
    """Base class of constraints.

    A subclass of the user defines `__call__`; those of this module define `_project`, which gets
    a floating-point array.
    """

    def __call__(self, w: ArrayLike) -> Array:
        """Bring a weight within the limit.

        Args:
            w: the weight, any shape; integers are taken as float32.

        Returns:
            Array of the shape and type of w; the base class returns w as it is.
        """
        values = np.asarray(w)
        return self._project(values if values.dtype.kind == "f" else values.astype(np.float32))

    def _project(self, values: Array) -> Array:
        return values


class NonNeg(Constraint):
    """Replace negative values by 0."""

    def _project(self, values: Array) -> Array:
        kept: Array = np.maximum(values, values.dtype.type(0))
        return kept


class _NormConstraint(Constraint):
    """A constraint that scales values by what their norm should be over what it is."""

    def __init__(self, axis: Axes) -> None:
        self.axis = _axes(axis, type(self).__name__)

    def _desired(self, norms: Float64) -> Float64:
        raise NotImplementedError

    def _project(self, values: Array) -> Array:
        norms = _norms(values, self.axis, type(self).__name__)
        return (values * (self._desired(norms) / (EPSILON + norms))).astype(values.dtype)


class MinMaxNorm(_NormConstraint):
    """Bring norms into an interval, or part of the way.

    outputs = w * (rate * clip(norm, min_value, max_value) + (1 - rate) * norm) / (1e-7 + norm)

    Args:
        min_value: smallest norm, >= 0.
        max_value: largest norm, >= min_value.
        rate: 1 goes all the way, 0 nowhere.
        axis: axes that a norm runs over; None for all.

    Raises:
        ValueError: an argument has a wrong value, or, when called, the weight lacks an axis.
    """

    fields: ClassVar[tuple[str, ...]] = ("min_value", "max_value", "rate", "axis")

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: Axes = 0,
    ) -> None:
        self.min_value = arguments.number(min_value, "min_value", "MinMaxNorm", least=0)
        self.max_value = arguments.number(
            max_value, "max_value", "MinMaxNorm", least=self.min_value
        )
        self.rate = arguments.number(rate, "rate", "MinMaxNorm", least=0)
        super().__init__(axis)

    def _desired(self, norms: Float64) -> Float64:
        clipped = norms.clip(self.min_value, self.max_value)
        desired: Float64 = self.rate * clipped + (1.0 - self.rate) * norms
        return desired


class MaxNorm(_NormConstraint):
    """Bring norms down to a largest one.

    outputs = w * min(norm, max_value) / (1e-7 + norm)

    Args:
        max_value: largest norm, >= 0.
        axis: axes that a norm runs over; None for all.
        m: Keras 1's name of the largest norm.

    Raises:
        ValueError: an argument has a wrong value, or, when called, the weight lacks an axis.
    """

    fields: ClassVar[tuple[str, ...]] = ("max_value", "axis")

    def __init__(self, max_value: float = 2, axis: Axes = 0, *, m: float | None = None) -> None:
        largest = max_value if m is None else m
        self.max_value = arguments.number(largest, "max_value", "MaxNorm", least=0)
        super().__init__(axis)

    def _desired(self, norms: Float64) -> Float64:
        return norms.clip(max=self.max_value)


class UnitNorm(_NormConstraint):
    """Bring norms to 1.

    outputs = w / (1e-7 + norm)

    Args:
        axis: axes that a norm runs over; None for all.

    Raises:
        ValueError: the axis is no axis, or, when called, the weight lacks it.
    """

    fields: ClassVar[tuple[str, ...]] = ("axis",)

    def __init__(self, axis: Axes = 0) -> None:
        super().__init__(axis)

    def _desired(self, norms: Float64) -> Float64:
        return np.ones_like(norms)


def _axes(axis: Any, owner: str) -> int | list[int] | None:
    if axis is None:
        return None
    if is_integer(axis):
        return int(axis)
    if not isinstance(axis, tuple | list) or not all(is_integer(one) for one in axis):
        raise received(owner, "`axis` must be an integer, a sequence of them or None", "axis", axis)
    return [int(one) for one in axis]


def _norms(values: Array, axis: int | list[int] | None, owner: str) -> Float64:
    """Sum squares along the axes, which stay with length 1, and take the roots."""
    axes = tuple(axis) if isinstance(axis, list) else axis
    try:
        squares = np.square(values, dtype=np.float64).sum(axis=axes, keepdims=True)
    except ValueError as error:
        expectation = f"`axis` must name different axes of the weight's shape {values.shape}"
        raise received(owner, expectation, "axis", axis) from error
    norms: Float64 = np.sqrt(squares)
    return norms


max_norm = maxnorm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = nonneg = NonNeg
unit_norm = unitnorm = UnitNorm

NAMES: dict[str, type[Constraint]] = {
    "MaxNorm": MaxNorm,
    "MinMaxNorm": MinMaxNorm,
    "NonNeg": NonNeg,
    "UnitNorm": UnitNorm,
    "max_norm": MaxNorm,
    "maxnorm": MaxNorm,
    "min_max_norm": MinMaxNorm,
    "non_neg": NonNeg,
    "nonneg": NonNeg,
    "unit_norm": UnitNorm,
    "unitnorm": UnitNorm,
}

REGISTRY: Registry[Function] = Registry("constraint", NAMES)


def get(identifier: Any) -> Function | None:
    """Find the constraint that a name, a file or the user means.

    Args:
        identifier: a name such as "max_norm", the dict a file holds, a class, something that can
            be called with a weight, or None.

    Returns:
        The constraint, or None for None.

    Raises:
        ValueError: there is no constraint of that name.

    Example:
        >>> get("unit_norm")
        UnitNorm(axis=0)
    """
    return REGISTRY.get(identifier)


def serialize(constraint: Function | None) -> Config | None:
    """Describe a constraint the way a Keras 3 file does.

    Args:
        constraint: a constraint, a named function of the user, or None.

    Returns:
        {"module", "class_name", "config", "registered_name"}, or None for None.
    """
    return REGISTRY.serialize(constraint)


def deserialize(
    config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Function:
    """Build the constraint that a file describes.

    Args:
        config: a name or a dict of Keras 1, 2 or 3.
        custom_objects: further classes and functions of the caller, by name; they go first.

    Returns:
        The constraint.

    Raises:
        ValueError: the description is broken or its name is not known.
        TypeError: the arguments do not fit the class.
    """
    return REGISTRY.deserialize(config, custom_objects)
