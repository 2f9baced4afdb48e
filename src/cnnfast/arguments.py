"""Checks of the arguments that initializers, regularizers and constraints share."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from cnnfast.ops.geometry import is_integer, received

FLOATING = "f"
NUMERIC = "biuf"


def number(
    value: Any, name: str, owner: str, *, least: float = -math.inf, above: float = -math.inf
) -> float:
    """Check one finite real number.

    Args:
        value: the number, as the user or a file gave it.
        name: the argument, for the message.
        owner: the words that open the message.
        least: the smallest number that is accepted.
        above: a bound that the number must exceed.

    Returns:
        The number as a Python float.

    Raises:
        ValueError: it is no number, not finite, or too small.

    Example:
        >>> number(1, "stddev", "RandomNormal", least=0)
        1.0
    """
    real = isinstance(value, Real) and not isinstance(value, bool)
    if not (real and math.isfinite(value) and value >= least and value > above):
        limit = f" > {above:g}" if math.isfinite(above) else f" >= {least:g}"
        expectation = f"`{name}` must be a finite number" + limit.removesuffix(" >= -inf")
        raise received(owner, expectation, name, value)
    return float(value)


def choice(value: Any, name: str, owner: str, allowed: Collection[str]) -> str:
    """Check a word, in any case, against those that are allowed.

    Args:
        value: the word, as the user or a file gave it.
        name: the argument, for the message.
        owner: the words that open the message.
        allowed: the accepted words, in lower case.

    Returns:
        The word in lower case.

    Raises:
        ValueError: it is not among those allowed.
    """
    if not isinstance(value, str) or value.lower() not in allowed:
        words = ", ".join(f'"{word}"' for word in allowed)
        raise received(owner, f"`{name}` must be one of {words}", name, value)
    return value.lower()


def shape(value: Any, owner: str) -> tuple[int, ...]:
    """Check the shape of an array that is to be made.

    Args:
        value: a sequence of sizes >= 0; one int stands for a shape of rank 1.
        owner: the words that open the message.

    Returns:
        The shape as a tuple of Python ints.

    Raises:
        ValueError: it is none.
    """
    sizes = (value,) if is_integer(value) else value
    if not isinstance(sizes, Iterable) or isinstance(sizes, str):
        raise received(owner, "`shape` must be a sequence of sizes", "shape", value)
    sizes = tuple(sizes)
    if not all(is_integer(size) and size >= 0 for size in sizes):
        raise received(owner, "`shape` must hold non-negative integers", "shape", value)
    return tuple(int(size) for size in sizes)


def dtype(value: DTypeLike, owner: str, kinds: str = NUMERIC) -> np.dtype[Any]:
    """Check the type of the numbers of an array that is to be made.

    Args:
        value: anything NumPy takes for a dtype; None stands for float32.
        owner: the words that open the message.
        kinds: NumPy's letters of the kinds that are accepted.

    Returns:
        The dtype.

    Raises:
        ValueError: NumPy does not know it, or it is of another kind.
    """
    expectation = (
        "`dtype` must be a floating-point type"
        if kinds == FLOATING
        else ("`dtype` must be a numeric type")
    )
    try:
        found = np.dtype("float32" if value is None else value)
    except TypeError as error:
        raise received(owner, expectation, "dtype", value) from error
    if found.kind not in kinds:
        raise received(owner, expectation, "dtype", value)
    return found
