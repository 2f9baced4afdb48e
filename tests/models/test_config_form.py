"""Configs of functional models that hold something else than they should."""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cnnfast
from cnnfast import layers

Path = tuple[str | int, ...]


def config_of_masks_and_branches() -> dict[str, Any]:
    words = cnnfast.Input((12,), name="words")
    steps = layers.Embedding(20, 8, mask_zero=True, name="table")(words)
    left = layers.Conv1D(4, 3, padding="same", name="left")(steps)
    right = layers.Dense(4, name="right")(steps)
    joined = layers.Concatenate(name="joined")([layers.Add(name="sum")([left, right]), left])
    result = layers.BatchNormalization(name="norm")(layers.Flatten(name="flat")(joined))
    config: dict[str, Any] = json.loads(cnnfast.Model(words, result, name="both").to_json())
    return config


CONFIG = config_of_masks_and_branches()


def paths_of(structure: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    keys: Any = structure if isinstance(structure, dict) else ()
    if isinstance(structure, list):
        keys = range(len(structure))
    for key in keys:
        yield from paths_of(structure[key], (*path, key))


def changed(path: Path, value: Any) -> str:
    config = copy.deepcopy(CONFIG)
    place: Any = config
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(config)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("layers",), 3, r"hold a list at layers\. Received: 3"),
        (("layers", 1), "x", r"layers\[1\]"),
        (("layers", 1, "name"), [], r"a string at layers\[1\]\['name'\]\. Received: \[\]"),
        (("layers", 1, "config"), None, r"a dict at layers\[1\]\['config'\]"),
        (("layers", 1, "class_name"), {}, "class_name"),
        (("layers", 2, "inbound_nodes"), True, r"a list at layers\[2\]\['inbound_nodes'\]"),
        (("layers", 2, "inbound_nodes", 0, "args"), 1, r"\['inbound_nodes'\]\[0\]\['args'\]"),
        (("layers", 2, "inbound_nodes", 0, "kwargs"), [], r"\['inbound_nodes'\]\[0\]\['kwargs'\]"),
        (("layers", 2, "inbound_nodes", 0, "args", 0, "config"), {}, "keras_history"),
        (("layers", 2, "build_config", "input_shape"), "x", "list of sizes"),
    ],
    ids=str,
)
def test_functional_config_with_a_part_of_another_kind_is_refused(
    path: Path, value: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        cnnfast.models.model_from_json(changed(("config", *path), value))


@given(
    st.sampled_from(list(paths_of(CONFIG))),
    st.sampled_from([None, [], {}, "x", -1, 0, 3.5, [1, 2], {"a": 1}, True]),
)
@settings(max_examples=300, deadline=None)
def test_functional_config_with_anything_anywhere_is_read_or_refused(
    path: Path, value: Any
) -> None:
    with warnings.catch_warnings(), suppress(ValueError, TypeError):
        warnings.simplefilter("ignore")
        model = cnnfast.models.model_from_json(changed(path, value))
        assert isinstance(model, layers.Layer)
