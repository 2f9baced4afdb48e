"""Names of layers, models and tensors: how they are made up and which are allowed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_counts: Counter[str] = Counter()
_scopes: ContextVar[tuple[str, ...]] = ContextVar("cnnfast_name_scopes", default=())


def to_snake_case(name: str) -> str:
    """Spell a class name the way automatic layer names do.

    Args:
        name: a class name, such as "MaxPooling2D" or "PReLU".

    Returns:
        The snake case spelling: "max_pooling2d", "p_re_lu".

    Source: Keras 3's rule for automatic names.
    """
    letters = re.sub(r"\W+", "", name)
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", letters)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def unique_name(prefix: str) -> str:
    """Count up the names that start with a prefix.

    Args:
        prefix: "conv2d", say.

    Returns:
        "conv2d" the first time, then "conv2d_1", "conv2d_2" and so on.
    """
    count = _counts[prefix]
    _counts[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def reset_names() -> None:
    """Start every automatic name again without a number."""
    _counts.clear()


def validate_name(name: object) -> str:
    """Accept a name that a user gave to a layer.

    Args:
        name: must be a string without "/", which separates the parts of a variable's path.

    Returns:
        The name.

    Raises:
        ValueError: it is no string or contains "/".
    """
    if not isinstance(name, str) or "/" in name:
        raise ValueError(
            "`name` must be a string without the character `/`. "
            f"Received: name={name!r} (of type {type(name).__name__})"
        )
    return name


@contextmanager
def name_scope(name: str) -> Iterator[None]:
    """Put a name in front of the paths of all variables created inside.

    Args:
        name: name of the layer or model that is being built.
    """
    token = _scopes.set((*_scopes.get(), name))
    try:
        yield
    finally:
        _scopes.reset(token)


def scoped_path(name: str) -> str:
    """Give a variable's full path, such as "sequential/conv2d/kernel".

    Args:
        name: the variable's own name.
    """
    return "/".join((*_scopes.get(), name))
