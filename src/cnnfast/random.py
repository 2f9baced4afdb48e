"""Random arrays under Keras's names: the same seed gives the same bits on every machine.

Uniform numbers come from `numpy.random.RandomState`, the Mersenne twister that NumPy has frozen;
`cnnfast.portable` makes the normal ones from them, because the logarithms of C libraries differ.

A seed that nobody gives is drawn from NumPy's global stream, so that `numpy.random.seed(13)`
before a model is built makes the model reproducible. `set_seed` replaces that stream.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cnnfast import arguments, portable
from cnnfast.ops.geometry import is_integer, received
from cnnfast.serialization import Configurable, object_config

Float64 = NDArray[np.float64]

SEEDS = 2**32

# Numbers that fit the first-level cache with the few temporaries of a quantile.
BLOCK = 2**12

# NumPy's uniform numbers have 53 bits; the midpoints of 2^52 cells never are 0 or 1.
CELLS = 2.0**52

# The mass of the standard normal law below -2: (1 - erf(sqrt 2)) / 2.
TRUNCATION = 2.0
TRUNCATED_MASS = 0.022750131948179207


class SeedGenerator(Configurable):
    """A sequence of seeds: what is given it draws new values at every call.

    Args:
        seed: int in [0, 2^32); by default a fresh one.
        name: kept for files, without further meaning.

    Raises:
        ValueError: the seed is out of range.
    """

    fields: ClassVar[tuple[str, ...]] = ("seed", "name")

    def __init__(self, seed: int | None = None, name: str = "seed_generator") -> None:
        self.seed = draw_seed() if seed is None else check_seed(seed, type(self).__name__)
        self.name = name
        self._stream = np.random.RandomState(self.seed)

    def next(self) -> int:
        """Return the next seed, an int in [0, 2^32)."""
        return int(self._stream.random_sample() * SEEDS)


Seed = int | SeedGenerator | None


class _Seeds:
    """Where the seeds come from that nobody gives."""

    def __init__(self) -> None:
        self.chosen: SeedGenerator | None = None

    def next(self) -> int:
        if self.chosen is not None:
            return self.chosen.next()
        if "numpy.random" not in sys.modules:
            # Nobody has seeded a stream that is not there yet, and it takes 6 MB.
            return int.from_bytes(os.urandom(4), "little")
        return int(np.random.random_sample() * SEEDS)


_seeds = _Seeds()


def set_seed(seed: int | None) -> None:
    """Fix the seeds of everything random that is created later without one of its own.

    Args:
        seed: int in [0, 2^32), or None to follow NumPy's global stream again.

    Raises:
        ValueError: the seed is out of range.
    """
    _seeds.chosen = None if seed is None else SeedGenerator(check_seed(seed, "set_seed"))


def draw_seed() -> int:
    """Return a fresh seed: the next of `set_seed`'s, or one from NumPy's global stream."""
    return _seeds.next()


def check_seed(seed: Any, owner: str) -> int:
    """Check that a seed is an int in [0, 2^32).

    Args:
        seed: the seed, as the user or a file gave it.
        owner: the words that open the message.

    Returns:
        The seed as a Python int.

    Raises:
        ValueError: it is none.
    """
    if not is_integer(seed) or not 0 <= seed < SEEDS:
        raise received(owner, "`seed` must be an integer in [0, 2**32)", "seed", seed)
    return int(seed)


def standardize_seed(seed: Any, owner: str) -> Seed:
    """Accept every form of a seed: None, an int, a generator or a file's dict of a generator.

    Args:
        seed: the seed, as the user or a file gave it.
        owner: the words that open the message.

    Returns:
        None, a Python int or a SeedGenerator.

    Raises:
        ValueError: it is none of these.
    """
    if seed is None or isinstance(seed, SeedGenerator):
        return seed
    if isinstance(seed, Mapping):
        name, config = object_config(seed)
        if name == SeedGenerator.__name__:
            return SeedGenerator.from_config(config)
    return check_seed(seed, owner)


def uniform(
    shape: Any,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: DTypeLike = "float32",
    seed: Seed = None,
) -> NDArray[Any]:
    """Draw numbers spread evenly over [minval, maxval].

    Args:
        shape: sizes of the result.
        minval: lower end.
        maxval: upper end, which rounding to dtype can reach.
        dtype: floating-point type of the result.
        seed: int in [0, 2^32), a SeedGenerator, or None for a fresh seed.

    Returns:
        New array of that shape and dtype.

    Raises:
        ValueError: an argument has a wrong value.
    """
    low = arguments.number(minval, "minval", "uniform")
    high = arguments.number(maxval, "maxval", "uniform", least=low)
    return _draw(shape, dtype, seed, "uniform", lambda cells: low + (high - low) * cells)


def normal(
    shape: Any,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike = "float32",
    seed: Seed = None,
) -> NDArray[Any]:
    """Draw numbers from the normal law.

    Args:
        shape: sizes of the result.
        mean: centre of the law.
        stddev: standard deviation of the law, >= 0.
        dtype: floating-point type of the result.
        seed: int in [0, 2^32), a SeedGenerator, or None for a fresh seed.

    Returns:
        New array of that shape and dtype.

    Raises:
        ValueError: an argument has a wrong value.
    """
    centre = arguments.number(mean, "mean", "normal")
    width = arguments.number(stddev, "stddev", "normal", least=0)

    def transform(cells: Float64) -> Float64:
        return centre + width * portable.normal_quantile(cells)

    return _draw(shape, dtype, seed, "normal", transform)


def truncated_normal(
    shape: Any,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike = "float32",
    seed: Seed = None,
) -> NDArray[Any]:
    """Draw numbers from the normal law without its values beyond 2 standard deviations.

    Args:
        shape: sizes of the result.
        mean: centre of the law.
        stddev: standard deviation before the cut, >= 0.
        dtype: floating-point type of the result.
        seed: int in [0, 2^32), a SeedGenerator, or None for a fresh seed.

    Returns:
        New array of that shape and dtype, within mean +- 2 stddev.

    Raises:
        ValueError: an argument has a wrong value.
    """
    centre = arguments.number(mean, "mean", "truncated_normal")
    width = arguments.number(stddev, "stddev", "truncated_normal", least=0)

    def transform(cells: Float64) -> Float64:
        kept = TRUNCATED_MASS + (1.0 - 2.0 * TRUNCATED_MASS) * cells
        return centre + width * portable.normal_quantile(kept).clip(-TRUNCATION, TRUNCATION)

    return _draw(shape, dtype, seed, "truncated_normal", transform)


def _draw(
    shape: Any,
    dtype: DTypeLike,
    seed: Seed,
    owner: str,
    transform: Callable[[Float64], Float64],
) -> NDArray[Any]:
    """Fill an array with transformed numbers from the midpoints of equal cells of (0, 1)."""
    values: NDArray[Any] = np.empty(
        arguments.shape(shape, owner), arguments.dtype(dtype, owner, arguments.FLOATING)
    )
    stream = np.random.RandomState(_next_seed(seed, owner))
    flat = values.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        block[...] = transform((np.floor(stream.random_sample(block.size) * CELLS) + 0.5) / CELLS)
    return values


def _next_seed(seed: Seed, owner: str) -> int:
    if isinstance(seed, SeedGenerator):
        return seed.next()
    return draw_seed() if seed is None else check_seed(seed, owner)
