"""Shape arithmetic of windows that slide over an axis, and the checks of their arguments.

Pure functions on integers: no array is touched. A length that is not known yet is None, and what
cannot be computed without it comes back as None.

One axis is described by five letters: n, its length; k, the taps of the window; s, the stride;
d, the dilation; and eff = (k - 1) * d + 1, the span the dilated window covers.
"""

from __future__ import annotations

from collections.abc import Collection
from numbers import Integral
from typing import Any

Padding = str
Amounts = tuple[int, int]


def received(owner: str | None, expectation: str, name: str, value: object) -> ValueError:
    """Build the error of a refused argument: who refuses, what was expected, what came.

    Args:
        owner: the words that open the message, such as "Conv2D layer 'first'", or None.
        expectation: the sentence that says what is accepted, without its full stop.
        name: the argument.
        value: what was received.

    Returns:
        The error, for the caller to raise.
    """
    opening = f"{owner}: " if owner else ""
    return ValueError(f"{opening}{expectation}. Received: {name}={value!r}.")


def is_integer(value: object) -> bool:
    """Tell whether a value counts: a Python or NumPy integer, but not a bool."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def standardize_integer(
    value: Any, name: str, allow_zero: bool = False, owner: str | None = None
) -> int:
    """Check that one size is a positive integer.

    Args:
        value: the size, as the user or a file gave it.
        name: the argument, for the message.
        allow_zero: whether 0 is a size too.
        owner: the words that open the message (see `received`).

    Returns:
        The size as a Python int.

    Raises:
        ValueError: the value is not an integer, or too small.

    Example:
        >>> standardize_integer(3, "units")
        3
    """
    if not is_integer(value) or value < (0 if allow_zero else 1):
        kind = "non-negative" if allow_zero else "positive"
        raise received(owner, f"`{name}` must be a {kind} integer", name, value)
    return int(value)


def standardize_tuple(
    value: Any, n: int, name: str, allow_zero: bool = False, owner: str | None = None
) -> tuple[int, ...]:
    """Spread a size over n axes, or check the n sizes that were given.

    Args:
        value: an int for all axes, or a sequence of n ints.
        n: how many axes there are.
        name: the argument, for the message.
        allow_zero: whether 0 is a size too.
        owner: the words that open the message (see `received`).

    Returns:
        n Python ints.

    Raises:
        ValueError: the value is neither, or one of its sizes is too small.

    Example:
        >>> standardize_tuple(3, 2, "kernel_size")
        (3, 3)
        >>> standardize_tuple([5, 1], 2, "kernel_size")
        (5, 1)
    """
    sizes = (value,) * n if is_integer(value) else value
    least = 0 if allow_zero else 1
    if (
        not isinstance(sizes, tuple | list)
        or len(sizes) != n
        or not all(is_integer(size) and size >= least for size in sizes)
    ):
        kind = "non-negative" if allow_zero else "positive"
        expectation = f"`{name}` must be a {kind} integer or a tuple of {n} {kind} integers"
        raise received(owner, expectation, name, value)
    return tuple(int(size) for size in sizes)


def standardize_padding(
    value: Any, allowed: Collection[str], name: str = "padding", owner: str | None = None
) -> Padding:
    """Check the name of a padding, in any case.

    Args:
        value: the name, as the user or a file gave it.
        allowed: the names that are accepted, in lower case.
        name: the argument, for the message.
        owner: the words that open the message (see `received`).

    Returns:
        The name in lower case.

    Raises:
        ValueError: the name is not among those allowed.

    Example:
        >>> standardize_padding("SAME", ("valid", "same"))
        'same'
    """
    if not isinstance(value, str) or value.lower() not in allowed:
        choices = ", ".join(f'"{choice}"' for choice in allowed)
        raise received(owner, f"`{name}` must be one of {choices}", name, value)
    return value.lower()


def output_length(n: int | None, k: int, s: int, d: int, padding: Padding) -> int | None:
    """Count the places of a window along one axis.

    valid: floor((n - eff) / s) + 1, below 1 where the window does not fit; the caller refuses
    that with the whole shape in the message. same and causal: ceil(n / s).

    Args:
        n: length of the axis, or None.
        k: taps of the window.
        s: stride.
        d: dilation.
        padding: "valid", "same" or "causal".

    Returns:
        The length of the output, or None where n is None.

    Example:
        >>> output_length(25, 5, 1, 1, "valid")
        21
    """
    if n is None:
        return None
    if padding == "valid":
        return (n - _span(k, d)) // s + 1
    return -(-n // s)


def padding_amounts(n: int | None, k: int, s: int, d: int, padding: Padding) -> Amounts:
    """Count the zeros before and after one axis.

    valid: none. causal: (k - 1) * d before, so that no output sees a later input. same:
    max((ceil(n / s) - 1) * s + eff - n, 0) in all, the odd one after.

    Args:
        n: length of the axis; None will do unless "same" meets a stride.
        k: taps of the window.
        s: stride.
        d: dilation.
        padding: "valid", "same" or "causal".

    Returns:
        (before, after).

    Raises:
        ValueError: the amounts depend on a length that is None.

    Source: the padding rules of TensorFlow's convolutions.

    Example:
        >>> padding_amounts(10, 4, 1, 1, "same")
        (1, 2)
    """
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return (k - 1) * d, 0
    if n is None and s > 1:
        raise received(None, '"same" padding with a stride needs the length of the axis', "n", n)
    covered = (s * -(-n // s) - s - n) if n is not None else -1
    total = max(covered + _span(k, d), 0)
    return total // 2, total - total // 2


def _span(k: int, d: int) -> int:
    return (k - 1) * d + 1
