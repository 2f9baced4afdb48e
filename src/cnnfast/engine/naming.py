"""Names that users give, and the paths that variables get from the layers around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from cnnfast.names import reset_names, to_snake_case, unique_name

__all__ = [
    "name_scope",
    "reset_names",
    "scoped_path",
    "to_snake_case",
    "unique_name",
    "validate_name",
]

_scopes: ContextVar[tuple[str, ...]] = ContextVar("cnnfast_name_scopes", default=())


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
