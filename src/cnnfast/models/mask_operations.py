"""What Keras 3 writes into the config of a functional model wherever a mask is used.

Each layer that takes a mask is said to be called with one, and operations are listed that make it:
NotEqual behind what an Embedding or Masking reads, and others where masks are joined. Here masks
follow from those layers themselves, so that the operations are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cnnfast.models.config_form import TENSOR_CLASS, place_of
from cnnfast.models.serialization import Config

# Operations that make masks of masks; those of the second kind only lend them a shape.
JOINS: Final = frozenset(("Any", "BroadcastTo", "Concatenate", "ExpandDims", "LogicalOr"))
SHAPES: Final = frozenset(("OnesLike", "ZerosLike"))


def without_mask_operations(config: Config) -> Config:
    """Leave out the operations of a functional model's config that only make masks.

    Args:
        config: of the model; it is not changed.

    Returns:
        The config, or one with fewer `layers` and without masks in calls.

    Raises:
        ValueError: a layer is called with a mask of the user's own making.
    """
    layers = config.get("layers")
    if not isinstance(layers, list) or not all(isinstance(entry, Mapping) for entry in layers):
        return config
    masks = {place[0] for entry in layers for place in _places(_masks_of(entry))}
    if not masks:
        return config
    made = _makers(masks, {entry.get("name"): entry for entry in layers}, _marked(layers))
    used = {
        place[0]
        for entry in layers
        if entry.get("name") not in made
        for call in _calls(entry)
        for place in _places(call.get("args"))
    }
    kept = [_without_masks(entry) for entry in layers if entry.get("name") not in made - used]
    return {**config, "layers": kept}


def _without_masks(entry: Config) -> Config:
    if all(mask is None for mask in _masks_of(entry)):
        return entry
    calls = [
        {**call, "kwargs": {k: v for k, v in call.get("kwargs", {}).items() if k != "mask"}}
        for call in _calls(entry)
    ]
    return {**entry, "inbound_nodes": calls}


def _makers(masks: set[Any], entries: Config, marked: set[tuple[Any, ...]]) -> set[Any]:
    """Follow masks back to what Embedding and Masking layers read."""
    found: set[Any] = set()
    pending = list(masks)
    while pending:
        name = pending.pop()
        entry = entries.get(name, {})
        places = [place for call in _calls(entry) for place in _places(call.get("args"))]
        kind = entry.get("class_name")
        is_known = kind in JOINS | SHAPES or (
            kind == "NotEqual" and all(tuple(place) in marked for place in places)
        )
        if not is_known:
            raise ValueError(
                f"The model's config has a layer called with a mask that '{name}' makes. Supported "
                "are the masks of Embedding(mask_zero=True) and Masking alone."
            )
        if name not in found and kind in JOINS:
            pending += [place[0] for place in places]
        found.add(name)
    return found


def _marked(layers: list[Any]) -> set[tuple[Any, ...]]:
    """List the tensors that layers read that make masks of them."""
    return {
        tuple(place)
        for entry in layers
        if entry.get("class_name") == "Masking"
        or (entry.get("class_name") == "Embedding" and entry["config"].get("mask_zero"))
        for call in _calls(entry)
        for place in _places(call.get("args"))
    }


def _calls(entry: Config) -> list[Config]:
    calls = entry.get("inbound_nodes")
    return [c for c in calls if isinstance(c, Mapping)] if isinstance(calls, list) else []


def _masks_of(entry: Config) -> list[Any]:
    options = [call.get("kwargs") for call in _calls(entry)]
    return [kwargs.get("mask") for kwargs in options if isinstance(kwargs, Mapping)]


def _places(structure: Any) -> Iterator[list[Any]]:
    """Find the places of all tensors in the arguments of a call."""
    if isinstance(structure, Mapping):
        if structure.get("class_name") == TENSOR_CLASS:
            yield place_of(structure)
            return
        structure = list(structure.values())
    if isinstance(structure, list | tuple):
        for part in structure:
            yield from _places(part)
