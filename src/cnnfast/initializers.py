"""First values of a layer's weights, under Keras's names.

An initializer is called with a shape and returns a new array. One object returns the same values
at every call: its seed is fixed when it is made, even if nobody gave one. The same seed gives the
same bits on every machine (see `cnnfast.random`); they are not the values that Keras draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cnnfast import arguments, portable, random
from cnnfast.ops.geometry import is_integer, received
from cnnfast.random import Seed, SeedGenerator
from cnnfast.serialization import (
    Config,
    Configurable,
    Registry,
    decode_value,
    serialize_object,
)

Array = NDArray[Any]
Function = Callable[..., Any]

# The standard deviation of a standard normal law that is cut at +-2.
TRUNCATED_STDDEV = 0.87962566103423978

# What Keras 1 and 2 stored beside the arguments that still exist.
FORGOTTEN_ARGUMENTS = frozenset({"dtype", "verify_shape", "partition_info"})


class Initializer(Configurable):
    """Base class of initializers; subclasses define `__call__`."""

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = "float32") -> Array:
        """Make the values of one weight.

        Args:
            shape: sizes of the weight.
            dtype: type of its numbers.

        Returns:
            New array of that shape and dtype.

        Raises:
            ValueError: the initializer has no values of that shape or dtype.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define `__call__`.")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build the initializer that a file of any Keras describes.

        Args:
            config: the constructor's arguments by name.

        Returns:
            A new initializer.
        """
        return cls(**{key: config[key] for key in config if key not in FORGOTTEN_ARGUMENTS})

    def clone(self) -> Self:
        """Return a new initializer with the same arguments; without a seed, a new one is drawn."""
        return self.from_config(self.get_config())


class Constant(Initializer):
    """Set every value to one number, or to those of an array that broadcasts to the shape.

    Args:
        value: number or array, such as a table of pre-trained embeddings.

    Raises:
        ValueError: the value is not numeric, or, when called, does not broadcast.
    """

    fields = ("value",)

    def __init__(self, value: ArrayLike = 0.0) -> None:
        array = np.asarray(value)
        if array.dtype.kind not in arguments.NUMERIC:
            raise received("Constant", "`value` must be a number or an array", "value", value)
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = "float32") -> Array:
        sizes = arguments.shape(shape, "Constant")
        values: Array = np.empty(sizes, arguments.dtype(dtype, "Constant"))
        try:
            values[...] = self.value
        except ValueError as error:
            expectation = f"`shape` must be one that a value of shape {np.shape(self.value)} fits"
            raise received("Constant", expectation, "shape", sizes) from error
        return values

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build the initializer that a file of any Keras describes, arrays included."""
        return super().from_config({key: decode_value(value) for key, value in config.items()})


class Zeros(Initializer):
    """Set every value to 0."""

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = "float32") -> Array:
        return np.zeros(arguments.shape(shape, "Zeros"), arguments.dtype(dtype, "Zeros"))


class Ones(Initializer):
    """Set every value to 1."""

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = "float32") -> Array:
        return np.ones(arguments.shape(shape, "Ones"), arguments.dtype(dtype, "Ones"))


class Identity(Initializer):
    """Make the identity matrix, cut or filled up with zeros where it is not square.

    Args:
        gain: factor of the matrix.

    Raises:
        ValueError: the gain is no finite number, or, when called, the shape is not of rank 2.
    """

    fields = ("gain",)

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = arguments.number(gain, "gain", "Identity")

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = "float32") -> Array:
        sizes = arguments.shape(shape, "Identity")
        if len(sizes) != 2:
            raise received("Identity", "`shape` must have 2 axes", "shape", sizes)
        matrix: Array = (self.gain * np.eye(*sizes)).astype(arguments.dtype(dtype, "Identity"))
        return matrix


class RandomInitializer(Initializer):
    """Base class of initializers with a seed.

    Args:
        seed: int in [0, 2^32); None for one that is drawn now (see `cnnfast.random.set_seed`); a
            `cnnfast.random.SeedGenerator` for new values at every call.

    Raises:
        ValueError: the seed is none of these.
    """

    fields = ("seed",)

    def __init__(self, seed: Seed = None) -> None:
        self._given_seed = random.standardize_seed(seed, type(self).__name__)
        self.seed = random.draw_seed() if self._given_seed is None else self._given_seed

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, ready for JSON; a drawn seed is not one."""
        seed = self._given_seed
        described = (
            serialize_object(seed, "keras.random") if isinstance(seed, SeedGenerator) else seed
        )
        return {**super().get_config(), "seed": described}


class RandomNormal(RandomInitializer):
    """Draw values from the normal law.

    Args:
        mean: centre of the law.
        stddev: standard deviation of the law, >= 0.
        seed: see `RandomInitializer`.

    Raises:
        ValueError: an argument has a wrong value.
    """

    fields = ("seed", "mean", "stddev")

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        owner = type(self).__name__
        self.mean = arguments.number(mean, "mean", owner)
        self.stddev = arguments.number(stddev, "stddev", owner, least=0)
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = "float32") -> Array:
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

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = "float32") -> Array:
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

    fields = ("seed", "minval", "maxval")

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        self.minval = arguments.number(minval, "minval", "RandomUniform")
        self.maxval = arguments.number(maxval, "maxval", "RandomUniform", least=self.minval)
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = "float32") -> Array:
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed)


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

    fields = ("seed", "scale", "mode", "distribution")
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

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = "float32") -> Array:
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

    fields = ("seed",)
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

    fields = ("seed", "gain")

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        self.gain = arguments.number(gain, "gain", "Orthogonal")
        super().__init__(seed)

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = "float32") -> Array:
        sizes = arguments.shape(shape, "Orthogonal")
        if len(sizes) < 2:
            raise received("Orthogonal", "`shape` must have at least 2 axes", "shape", sizes)
        kind = arguments.dtype(dtype, "Orthogonal", arguments.FLOATING)
        rows, columns = math.prod(sizes[:-1]), sizes[-1]
        flat = (min(rows, columns), max(rows, columns))
        basis = portable.orthonormal_columns(random.normal(flat, dtype="float64", seed=self.seed))
        matrix = basis.T if rows < columns else basis
        return np.ascontiguousarray(self.gain * matrix, kind).reshape(sizes)


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


constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
normal = random_normal = RandomNormal
one = ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_uniform = uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zero = zeros = Zeros

NAMES: dict[str, type[Initializer]] = {
    "constant": Constant,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "identity": Identity,
    "lecun_normal": LecunNormal,
    "lecun_uniform": LecunUniform,
    "normal": RandomNormal,
    "one": Ones,
    "ones": Ones,
    "orthogonal": Orthogonal,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "truncated_normal": TruncatedNormal,
    "uniform": RandomUniform,
    "variance_scaling": VarianceScaling,
    "zero": Zeros,
    "zeros": Zeros,
}
NAMES |= {cls.__name__: cls for cls in NAMES.values()}
NAMES |= {"IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal}

REGISTRY: Registry[Function] = Registry("initializer", NAMES)


def get(identifier: Any) -> Function | None:
    """Find the initializer that a name, a file or the user means.

    Args:
        identifier: a name such as "glorot_uniform", the dict a file holds, an array of values, a
            class, something that can be called with a shape and a dtype, or None.

    Returns:
        The initializer, or None for None.

    Raises:
        ValueError: there is no initializer of that name.

    Example:
        >>> get({"class_name": "RandomNormal", "config": {"stddev": 0.1, "seed": 13}})
        RandomNormal(seed=13, mean=0.0, stddev=0.1)
    """
    if isinstance(identifier, np.ndarray | np.generic):
        return Constant(identifier)
    return REGISTRY.get(identifier)


def serialize(initializer: Function | None) -> Config | None:
    """Describe an initializer the way a Keras 3 file does.

    Args:
        initializer: an initializer, a named function of the user, or None.

    Returns:
        {"module", "class_name", "config", "registered_name"}, or None for None.
    """
    return REGISTRY.serialize(initializer)


def deserialize(
    config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Function:
    """Build the initializer that a file describes.

    Args:
        config: a name or a dict of Keras 1, 2 or 3.
        custom_objects: further classes and functions of the caller, by name; they go first.

    Returns:
        The initializer.

    Raises:
        ValueError: the description is broken or its name is not known.
        TypeError: the arguments do not fit the class.
    """
    return REGISTRY.deserialize(config, custom_objects)
