"""What all initializers share: checked calls, configurations and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cnnfast import arguments, random
from cnnfast.random import Seed, SeedGenerator
from cnnfast.serialization import Config, Configurable, serialize_object

Array = NDArray[Any]
DType = np.dtype[Any]
Shape = tuple[int, ...]

# What Keras 1 and 2 stored beside the arguments that still exist.
FORGOTTEN_ARGUMENTS = frozenset({"dtype", "verify_shape", "partition_info"})


class Initializer(Configurable):
    """Base class of initializers.

    A subclass of the user defines `__call__`; those of this module define `_values`, which gets
    a checked shape and dtype.
    """

    kinds: ClassVar[str] = arguments.NUMERIC

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
        owner = type(self).__name__
        return self._values(
            arguments.shape(shape, owner), arguments.dtype(dtype, owner, self.kinds)
        )

    def _values(self, shape: Shape, dtype: DType) -> Array:
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


class RandomInitializer(Initializer):
    """Base class of initializers with a seed.

    Args:
        seed: int in [0, 2^32); None for one that is drawn now (see `cnnfast.random.set_seed`); a
            `cnnfast.random.SeedGenerator` for new values at every call.

    Raises:
        ValueError: the seed is none of these.
    """

    fields: ClassVar[tuple[str, ...]] = ("seed",)
    kinds = arguments.FLOATING

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
