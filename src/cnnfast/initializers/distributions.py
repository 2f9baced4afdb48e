"""Initializers that draw from a law which does not depend on the shape of the weight."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from cnnfast import arguments, portable, random
from cnnfast.initializers.base import Array, DType, RandomInitializer, Shape
from cnnfast.ops.geometry import received
from cnnfast.random import Seed


class RandomNormal(RandomInitializer):
    """Draw values from the normal law.

    Args:
        mean: centre of the law.
        stddev: standard deviation of the law, >= 0.
        seed: see `RandomInitializer`.

    Raises:
        ValueError: an argument has a wrong value.
    """

    fields: ClassVar[tuple[str, ...]] = ("seed", "mean", "stddev")

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        owner = type(self).__name__
        self.mean = arguments.number(mean, "mean", owner)
        self.stddev = arguments.number(stddev, "stddev", owner, least=0)
        super().__init__(seed)

    def _values(self, shape: Shape, dtype: DType) -> Array:
        return random.normal(shape, self.mean, self.stddev, dtype, self.seed)


class TruncatedNormal(RandomNormal):
    """Draw values from the normal law without those beyond 2 standard deviations.

    Args:
        mean: centre of the law.
        stddev: standard deviation before the cut, >= 0.
        seed: see `RandomInitializer`.

    Raises:
        ValueError: an argument has a wrong value.
    """

    def _values(self, shape: Shape, dtype: DType) -> Array:
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)


class RandomUniform(RandomInitializer):
    """Draw values spread evenly over [minval, maxval].

    Args:
        minval: lower end.
        maxval: upper end.
        seed: see `RandomInitializer`.

    Raises:
        ValueError: an argument has a wrong value.
    """

    fields: ClassVar[tuple[str, ...]] = ("seed", "minval", "maxval")

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        self.minval = arguments.number(minval, "minval", "RandomUniform")
        self.maxval = arguments.number(maxval, "maxval", "RandomUniform", least=self.minval)
        super().__init__(seed)

    def _values(self, shape: Shape, dtype: DType) -> Array:
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed)


class Orthogonal(RandomInitializer):
    """Make a matrix with orthogonal columns, or rows if it has fewer of them, all as long as gain.

    A weight of higher rank is such a matrix with all axes but the last taken as one.

    Args:
        gain: length of every column or row.
        seed: see `RandomInitializer`.

    Raises:
        ValueError: an argument has a wrong value, or, when called, the shape has under 2 axes.

    Source: Saxe et al. (2013), arXiv:1312.6120.
    """

    fields: ClassVar[tuple[str, ...]] = ("seed", "gain")

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        self.gain = arguments.number(gain, "gain", "Orthogonal")
        super().__init__(seed)

    def _values(self, shape: Shape, dtype: DType) -> Array:
        if len(shape) < 2:
            raise received("Orthogonal", "`shape` must have at least 2 axes", "shape", shape)
        rows, columns = math.prod(shape[:-1]), shape[-1]
        flat = (min(rows, columns), max(rows, columns))
        basis = portable.orthonormal_columns(random.normal(flat, dtype="float64", seed=self.seed))
        matrix = basis.T if rows < columns else basis
        return np.ascontiguousarray(self.gain * matrix, dtype).reshape(shape)
