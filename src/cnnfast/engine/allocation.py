"""First values of new variables: an initializer's, or zeros while a file waits to fill them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cnnfast import initializers
from cnnfast.engine.variable import Promise
from cnnfast.ops.geometry import is_integer

# Their values follow from their arguments alone; a class of a user's own may be anything.
_REPEATABLE: Final = frozenset(
    {
        initializers.GlorotNormal,
        initializers.GlorotUniform,
        initializers.HeNormal,
        initializers.HeUniform,
        initializers.LecunNormal,
        initializers.LecunUniform,
        initializers.RandomNormal,
        initializers.RandomUniform,
        initializers.TruncatedNormal,
        initializers.VarianceScaling,
    }
)


class _Budget:
    """Elements that variables may still take."""

    def __init__(self, elements: int) -> None:
        self.elements = elements

    def spend(self, shape: tuple[int, ...]) -> None:
        self.elements -= prod(shape)
        if self.elements < 0:
            raise ValueError(
                f"The model needs more weights than its file holds, among them one of shape {shape}"
            )


_budget: ContextVar[_Budget | None] = ContextVar("cnnfast_weight_budget", default=None)


@contextmanager
def weights_from_file(elements: int) -> Iterator[None]:
    """Create variables as zeros, and refuse to create more of them than a file can fill.

    A few bytes of config can ask for any amount of memory; this is what keeps them from it.

    Args:
        elements: how many numbers all variables created inside may have together.
    """
    token = _budget.set(_Budget(elements))
    try:
        yield
    finally:
        _budget.reset(token)


def initial_value(initializer: Any, shape: tuple[int, ...], dtype: str) -> NDArray[Any] | Promise:
    """Give the first value of a variable, or a promise of it.

    Args:
        initializer: a name, config or object.
        shape: of the variable.
        dtype: of the variable.

    Raises:
        ValueError: the initializer is unknown, or the variable exceeds what a file can fill.
    """
    found = initializers.get(initializer)
    if found is None:
        raise ValueError(f"A variable needs an initializer. Received: {initializer!r}")
    budget = _budget.get()
    if budget is not None:
        budget.spend(shape)
        return Promise(shape, partial(np.zeros, shape, dtype))
    if can_wait(found, shape, dtype):
        return Promise(shape, partial(found, shape, dtype=dtype))
    return np.asarray(found(shape, dtype=dtype))


def can_wait(initializer: Any, shape: tuple[int, ...], dtype: str) -> bool:
    """Whether an initializer gives the same values at any time, and cannot fail."""
    return (
        type(initializer) in _REPEATABLE
        and isinstance(initializer.seed, int)
        and getattr(initializer, "input_axes", None) is None
        and all(is_integer(size) and size >= 0 for size in shape)
        and dtype == "float32"
    )
