"""Nested lists, tuples and dicts."""

from __future__ import annotations

from typing import Any

import pytest

from cnnfast.engine import structure


@pytest.mark.parametrize(
    ("nested", "leaves"),
    [
        (1, [1]),
        ([1, (2, [3])], [1, 2, 3]),
        ({"b": 1, "a": [2, 3]}, [2, 3, 1]),
        ([], []),
        (None, [None]),
    ],
    ids=str,
)
def test_flatten_and_pack_like_undo_each_other(nested: Any, leaves: list[Any]) -> None:
    assert structure.flatten(nested) == leaves
    packed = structure.pack_like(nested, leaves)
    assert packed == nested
    assert type(packed) is type(nested)


def test_pack_like_dict_keeps_the_order_of_its_keys() -> None:
    assert list(structure.pack_like({"b": 0, "a": 0}, [1, 2]).items()) == [("b", 2), ("a", 1)]


def test_map_structure_replaces_leaves() -> None:
    assert structure.map_structure(lambda x: x + 1, {"a": [1, 2]}) == {"a": [2, 3]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [((None, 3), True), ([2], True), ((), True), ([(1,)], False), ({}, False), (3, False)],
    ids=str,
)
def test_is_shape_tells_shapes_from_lists_of_shapes(value: Any, expected: bool) -> None:
    assert structure.is_shape(value) is expected


def test_flatten_shapes_lists_shapes() -> None:
    nested = {"b": [None, 3], "a": [(1,), (2, 2)]}
    assert structure.flatten_shapes(nested) == [(1,), (2, 2), (None, 3)]


def test_as_shapes_turns_lists_of_json_into_tuples() -> None:
    assert structure.as_shapes([None, 3]) == (None, 3)
    assert structure.as_shapes([[None, 3], [2]]) == [(None, 3), (2,)]
    assert structure.as_shapes({"a": [None, 3]}) == {"a": (None, 3)}
