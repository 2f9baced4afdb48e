"""Initializers whose spread follows from how many inputs and outputs a unit has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from cnnfast import arguments, random
from cnnfast.initializers.base import Array, DType, RandomInitializer, Shape
from cnnfast.ops.geometry import is_integer, received
from cnnfast.random import Seed
from cnnfast.serialization import Config

# The standard deviation of a standard normal law that is cut at +-2.
TRUNCATED_STDDEV = 0.87962566103423978


class VarianceScaling(RandomInitializer):
    """Draw values whose variance is scale / n, where n counts the inputs or outputs of a unit.

    Args:
        scale: > 0.
        mode: what n is: "fan_in" (inputs), "fan_out" (outputs) or "fan_avg" (their mean).
        distribution: "truncated_normal" (also called "normal"), "untruncated_normal" or "uniform".
        seed: see `RandomInitializer`.
        input_axes: axes of the weight that count as inputs; with `output_axes` or not at all.
        output_axes: axes of the weight that count as outputs.

    Raises:
        ValueError: an argument has a wrong value.

    Source: He et al. (2015), arXiv:1502.01852; the fans are those of `compute_fans`.
    """

    fields: ClassVar[tuple[str, ...]] = ("seed", "scale", "mode", "distribution")
    MODES: ClassVar[tuple[str, ...]] = ("fan_in", "fan_out", "fan_avg")
    DISTRIBUTIONS: ClassVar[tuple[str, ...]] = (
        "truncated_normal",
        "untruncated_normal",
        "uniform",
        "normal",
    )

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        owner = type(self).__name__
        self.scale = arguments.number(scale, "scale", owner, above=0)
        self.mode = arguments.choice(mode, "mode", owner, self.MODES)
        law = arguments.choice(distribution, "distribution", owner, self.DISTRIBUTIONS)
        self.distribution = "truncated_normal" if law == "normal" else law
        self.input_axes = _axes(input_axes, "input_axes", owner)
        self.output_axes = _axes(output_axes, "output_axes", owner)
        if (input_axes is None) != (output_axes is None):
            expectation = "`input_axes` and `output_axes` must be given together"
            raise received(owner, expectation, "output_axes", output_axes)
        super().__init__(seed)

    def _values(self, shape: Shape, dtype: DType) -> Array:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        variance = self.scale / max(1.0, fans[self.mode])
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return random.uniform(shape, -limit, limit, dtype, self.seed)
        stddev = math.sqrt(variance)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, stddev, dtype, self.seed)
        return random.truncated_normal(shape, 0.0, stddev / TRUNCATED_STDDEV, dtype, self.seed)

    def get_config(self) -> Config:
        """Return the arguments by name; the axes only if given, as Keras before 3.15 has none."""
        axes = {"input_axes": self.input_axes, "output_axes": self.output_axes}
        return super().get_config() | (axes if self.input_axes is not None else {})


class _NamedScaling(VarianceScaling):
    """A variance scaling with a name of its own: its law is a class attribute."""

    fields: ClassVar[tuple[str, ...]] = ("seed",)
    law: ClassVar[tuple[float, str, str]]

    def __init__(
        self,
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self.law, seed, input_axes, output_axes)


class GlorotUniform(_NamedScaling):
    """Draw evenly within +-sqrt(6 / (fan_in + fan_out)); arguments as `VarianceScaling`.

    Source: Glorot and Bengio (2010), proceedings.mlr.press/v9/glorot10a.html.
    """

    law = (1.0, "fan_avg", "uniform")


class GlorotNormal(_NamedScaling):
    """Draw from a truncated normal law of variance 2 / (fan_in + fan_out).

    Source: Glorot and Bengio (2010), proceedings.mlr.press/v9/glorot10a.html.
    """

    law = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_NamedScaling):
    """Draw evenly within +-sqrt(6 / fan_in); arguments as `VarianceScaling`.

    Source: He et al. (2015), arXiv:1502.01852.
    """

    law = (2.0, "fan_in", "uniform")


class HeNormal(_NamedScaling):
    """Draw from a truncated normal law of variance 2 / fan_in; arguments as `VarianceScaling`.

    Source: He et al. (2015), arXiv:1502.01852.
    """

    law = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_NamedScaling):
    """Draw evenly within +-sqrt(3 / fan_in); arguments as `VarianceScaling`.

    Source: LeCun et al. (1998), doi:10.1007/3-540-49430-8_2.
    """

    law = (1.0, "fan_in", "uniform")


class LecunNormal(_NamedScaling):
    """Draw from a truncated normal law of variance 1 / fan_in; arguments as `VarianceScaling`.

    Source: Klambauer et al. (2017), arXiv:1706.02515.
    """

    law = (1.0, "fan_in", "truncated_normal")


def compute_fans(
    shape: Sequence[int],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """Count the inputs and the outputs of one unit, given the shape of a layer's weight.

    Args:
        shape: (units,), (inputs, units) or (..., C, K) of a convolution, where the axes before
            the last two count for both.
        input_axes: axes whose sizes multiply to the inputs; with `output_axes` or not at all.
        output_axes: axes whose sizes multiply to the outputs.

    Returns:
        (fan_in, fan_out).

    Raises:
        ValueError: the shape is none, or lacks one of the axes.

    Source: Keras 3's rule.

    Example:
        >>> compute_fans((3, 3, 16, 32))
        (144, 288)
    """
    sizes = arguments.shape(shape, "compute_fans")
    if input_axes is not None and output_axes is not None:
        return _size_along(sizes, input_axes), _size_along(sizes, output_axes)
    if len(sizes) < 2:
        return math.prod(sizes), math.prod(sizes)
    taps = math.prod(sizes[:-2])
    return taps * sizes[-2], taps * sizes[-1]


def _size_along(sizes: tuple[int, ...], axes: Sequence[int]) -> int:
    rank = len(sizes)
    if not all(-rank <= axis < rank for axis in axes):
        raise received("compute_fans", f"axes must be among the {rank} of the shape", "axes", axes)
    return math.prod(sizes[axis] for axis in axes)


def _axes(axes: Any, name: str, owner: str) -> list[int] | None:
    if axes is None:
        return None
    if not isinstance(axes, tuple | list) or not all(is_integer(axis) for axis in axes):
        raise received(owner, f"`{name}` must be a sequence of integers", name, axes)
    return [int(axis) for axis in axes]
