"""Penalties on large weights, or on large outputs, under Keras's names.

A regularizer is called with an array and returns a float, summed in float64; its `gradient` is
the derivative of that float. Layers keep regularizers; training adds their sum to the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnfast import arguments
from cnnfast.ops.geometry import received
from cnnfast.serialization import Config, Configurable, Registry

Float64 = NDArray[np.float64]
Function = Callable[..., Any]

DEFAULT_FACTOR = 0.01

# A row shorter than this is not stretched to length 1, so that a row of zeros stays one.
SHORTEST_ROW = 1e-7


class Regularizer(Configurable):
    """Base class of regularizers.

    A subclass of the user defines `__call__`, and `gradient`, without which training takes
    differences; those of this module define `_penalty` and `_slope`, which get float64.
    """

    def __call__(self, x: ArrayLike) -> float:
        """Sum up the penalty.

        Args:
            x: weights or outputs, any shape.

        Returns:
            The penalty, >= 0.
        """
        return self._penalty(np.asarray(x, np.float64))

    def gradient(self, x: ArrayLike) -> Float64:
        """Differentiate the penalty.

        Args:
            x: weights or outputs, any shape.

        Returns:
            float64, the shape of x.

        Raises:
            NotImplementedError: a subclass of the user does not define it.
        """
        return self._slope(np.asarray(x, np.float64))

    def _penalty(self, values: Float64) -> float:
        return 0.0

    def _slope(self, values: Float64) -> Float64:
        raise NotImplementedError(f"{type(self).__name__} does not define `gradient`.")


class L1L2(Regularizer):
    """Penalize absolute values and squares.

    penalty = l1 * sum |x| + l2 * sum x^2
    gradient = l1 * sign(x) + 2 * l2 * x, where sign(0) = 0

    Args:
        l1: factor of the absolute values, >= 0.
        l2: factor of the squares, >= 0.

    Raises:
        ValueError: a factor is negative or not finite.
    """

    fields: ClassVar[tuple[str, ...]] = ("l1", "l2")

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        owner = type(self).__name__
        self.l1 = arguments.number(0.0 if l1 is None else l1, "l1", owner, least=0)
        self.l2 = arguments.number(0.0 if l2 is None else l2, "l2", owner, least=0)

    def _penalty(self, values: Float64) -> float:
        penalty = 0.0
        if self.l1:
            penalty += self.l1 * float(np.abs(values).sum())
        if self.l2:
            penalty += self.l2 * float(np.square(values).sum())
        return penalty

    def _slope(self, values: Float64) -> Float64:
        slope: Float64 = self.l1 * np.sign(values) + 2.0 * self.l2 * values
        return slope


class L1(L1L2):
    """Penalize absolute values.

    penalty = l1 * sum |x|

    Args:
        l1: factor, >= 0; None stands for 0.01.
        legacy: Keras 1's and 2's name of the factor, `l`.

    Raises:
        ValueError: the factor is negative or not finite.
        TypeError: `legacy` holds another name.
    """

    fields: ClassVar[tuple[str, ...]] = ("l1",)

    def __init__(self, l1: float | None = DEFAULT_FACTOR, **legacy: float) -> None:
        super().__init__(l1=_factor(l1, legacy, "L1"))


class L2(L1L2):
    """Penalize squares; there is no factor of 1/2.

    penalty = l2 * sum x^2

    Args:
        l2: factor, >= 0; None stands for 0.01.
        legacy: Keras 1's and 2's name of the factor, `l`.

    Raises:
        ValueError: the factor is negative or not finite.
        TypeError: `legacy` holds another name.
    """

    fields: ClassVar[tuple[str, ...]] = ("l2",)

    def __init__(self, l2: float | None = DEFAULT_FACTOR, **legacy: float) -> None:
        super().__init__(l2=_factor(l2, legacy, "L2"))


class OrthogonalRegularizer(Regularizer):
    """Penalize rows or columns of a matrix that point the same way or opposite ways.

    penalty = factor * mean over pairs of |cosine of their angle|

    A single row or column has no pair and no penalty.

    Args:
        factor: >= 0.
        mode: "rows" or "columns".

    Raises:
        ValueError: an argument has a wrong value, or, when called, x is not of rank 2.
    """

    fields: ClassVar[tuple[str, ...]] = ("factor", "mode")
    MODES: ClassVar[tuple[str, ...]] = ("rows", "columns")

    def __init__(self, factor: float = DEFAULT_FACTOR, mode: str = "rows") -> None:
        owner = type(self).__name__
        self.factor = arguments.number(factor, "factor", owner, least=0)
        self.mode = arguments.choice(mode, "mode", owner, self.MODES)

    def _penalty(self, values: Float64) -> float:
        vectors = self._vectors(values)
        directions = vectors / _lengths(vectors)
        cosines = _off_diagonal(directions @ directions.T)
        return self._pair_factor(len(directions)) * float(np.abs(cosines).sum())

    def _slope(self, values: Float64) -> Float64:
        """Differentiate by the unit rows, then keep what is at right angles to each row."""
        vectors = self._vectors(values)
        lengths = _lengths(vectors)
        directions = vectors / lengths
        signs = np.sign(_off_diagonal(directions @ directions.T))
        slope = 2.0 * self._pair_factor(len(vectors)) * (signs @ directions)
        slope -= directions * (slope * directions).sum(axis=1, keepdims=True)
        slope /= lengths
        return slope if self.mode == "rows" else slope.T

    def _vectors(self, matrix: Float64) -> Float64:
        if matrix.ndim != 2:
            raise received("OrthogonalRegularizer", "`x` must have 2 axes", "x.shape", matrix.shape)
        return matrix if self.mode == "rows" else matrix.T

    def _pair_factor(self, count: int) -> float:
        """Return the factor over the number of ordered pairs, each of which is summed twice."""
        return self.factor / max(count * (count - 1), 1)


def _lengths(vectors: Float64) -> Float64:
    squares = np.square(vectors).sum(axis=1, keepdims=True)
    lengths: Float64 = np.maximum(np.sqrt(squares), SHORTEST_ROW)
    return lengths


def _off_diagonal(matrix: Float64) -> Float64:
    np.fill_diagonal(matrix, 0.0)
    return matrix


def _factor(value: float | None, legacy: dict[str, float], owner: str) -> float:
    """Return the factor of L1 or L2, whichever name it came under."""
    value = legacy.pop("l", value)
    if legacy:
        raise TypeError(f"{owner}: there is no argument {', '.join(map(repr, legacy))}.")
    return DEFAULT_FACTOR if value is None else value


l1 = L1
l2 = L2
l1_l2 = L1L2
orthogonal_regularizer = OrthogonalRegularizer

NAMES: dict[str, type[Regularizer]] = {
    "L1": L1,
    "L1L2": L1L2,
    "L1L2Regularizer": L1L2,
    "L2": L2,
    "OrthogonalRegularizer": OrthogonalRegularizer,
    "WeightRegularizer": L1L2,
    "l1": L1,
    "l1_l2": L1L2,
    "l1l2": L1L2,
    "l2": L2,
    "orthogonal_regularizer": OrthogonalRegularizer,
}

REGISTRY: Registry[Function] = Registry("regularizer", NAMES)


def get(identifier: Any) -> Function | None:
    """Find the regularizer that a name, a file or the user means.

    Args:
        identifier: a name such as "l2", the dict a file holds, a class, something that can be
            called with an array, or None.

    Returns:
        The regularizer, or None for None.

    Raises:
        ValueError: there is no regularizer of that name.

    Example:
        >>> get("l2")
        L2(l2=0.01)
    """
    return deserialize(identifier) if isinstance(identifier, str) else REGISTRY.get(identifier)


def serialize(regularizer: Function | None) -> Config | None:
    """Describe a regularizer the way a Keras 3 file does.

    Args:
        regularizer: a regularizer, a named function of the user, or None.

    Returns:
        {"module", "class_name", "config", "registered_name"}, or None for None.
    """
    return REGISTRY.serialize(regularizer)


def deserialize(
    config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Function:
    """Build the regularizer that a file describes.

    Args:
        config: a name or a dict of Keras 1, 2 or 3. The bare name "l1_l2" has both factors at
            0.01, as in Keras 2; Keras 3 does not know it, and its class has factors of 0.
        custom_objects: further classes and functions of the caller, by name; they go first.

    Returns:
        The regularizer.

    Raises:
        ValueError: the description is broken or its name is not known.
        TypeError: the arguments do not fit the class.
    """
    if config == "l1_l2":
        return L1L2(l1=DEFAULT_FACTOR, l2=DEFAULT_FACTOR)
    return REGISTRY.deserialize(config, custom_objects)
