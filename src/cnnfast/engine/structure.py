"""Nested lists, tuples and dicts, which is how models with several inputs or outputs take them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Shape = tuple[int | None, ...]


def flatten(structure: Any) -> list[Any]:
    """List the leaves of a structure, dicts in the order of their sorted keys.

    Args:
        structure: anything; lists, tuples and mappings are entered, the rest are leaves.
    """
    if isinstance(structure, Mapping):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, list | tuple):
        return [leaf for item in structure for leaf in flatten(item)]
    return [structure]


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """Replace every leaf of a structure by a function of it.

    Args:
        function: called with one leaf.
        structure: see `flatten`.

    Returns:
        The same nesting of lists, tuples and dicts.
    """
    return pack_like(structure, [function(leaf) for leaf in flatten(structure)])


def pack_like(structure: Any, leaves: list[Any]) -> Any:
    """Arrange leaves like another structure.

    Args:
        structure: gives the nesting.
        leaves: one for each leaf of `structure`, in the order of `flatten`.
    """
    return _pack(structure, iter(leaves))


def _pack(structure: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(structure, Mapping):
        packed = {key: _pack(structure[key], leaves) for key in sorted(structure)}
        return {key: packed[key] for key in structure}
    if isinstance(structure, list | tuple):
        items = [_pack(item, leaves) for item in structure]
        return tuple(items) if isinstance(structure, tuple) else items
    return next(leaves)


def is_shape(value: Any) -> bool:
    """Tell one shape from a list or dict of shapes.

    Args:
        value: a shape is a list or tuple of sizes, each an int or None.
    """
    return isinstance(value, list | tuple) and all(
        size is None or isinstance(size, int) for size in value
    )


def flatten_shapes(shapes: Any) -> list[Shape]:
    """List the shapes of a structure of shapes.

    Args:
        shapes: a shape, or nested lists, tuples or dicts of shapes.
    """
    if is_shape(shapes):
        return [tuple(shapes)]
    children = [shapes[key] for key in sorted(shapes)] if isinstance(shapes, Mapping) else shapes
    return [shape for child in children for shape in flatten_shapes(child)]


def as_shapes(shapes: Any) -> Any:
    """Turn the shapes in a structure into tuples, which JSON files hold as lists.

    Args:
        shapes: a shape, or nested lists, tuples or dicts of shapes.

    Raises:
        ValueError: there is something else in it.
    """
    if is_shape(shapes):
        return tuple(shapes)
    if isinstance(shapes, Mapping):
        return {key: as_shapes(shape) for key, shape in shapes.items()}
    if not isinstance(shapes, list | tuple):
        raise ValueError(f"A shape must be a list of sizes and None. Received: {shapes!r}")
    return [as_shapes(shape) for shape in shapes]
