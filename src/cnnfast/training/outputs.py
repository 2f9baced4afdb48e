"""Targets and weights, sorted out against the outputs of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnfast.models.model import Model


def by_output(model: Model, given: Any, name: str) -> list[Any]:
    """Find what belongs to each output.

    Args:
        model: a model; one that is not built yet counts as having one output.
        given: None, one thing, or a list, tuple or dict of them; in a dict by the keys the model
            was made with or by the names of its output layers.
        name: of the argument, for errors.

    Returns:
        One entry for each output; None where there is none.

    Raises:
        ValueError: the number or a name does not fit.
    """
    count = len(getattr(model, "outputs", [None])) if model.built else 1
    if given is None:
        return [None] * count
    if isinstance(given, Mapping):
        return _by_key(model, output_names(model), given, name)
    if count == 1:
        is_list_of_one = isinstance(given, list | tuple) and len(given) == 1
        return [given[0] if is_list_of_one and hasattr(given[0], "shape") else given]
    if not isinstance(given, list | tuple) or len(given) != count:
        received = len(given) if isinstance(given, list | tuple) else 1
        raise ValueError(
            f"`{name}` must hold one array for each of the {count} outputs of model "
            f"'{model.name}', {output_names(model)}, in a list in that order or in a dict by name. "
            f"Received: {received} of them, as {type(given).__name__}."
        )
    return list(given)


def _by_key(model: Model, keys: list[str], given: Mapping[str, Any], name: str) -> list[Any]:
    unknown = [key for key in given if key not in keys]
    if unknown:
        raise ValueError(
            f"`{name}` names outputs that model '{model.name}' does not have: {unknown}. "
            f"Its outputs are {keys}."
        )
    return [given.get(key) for key in keys]


def output_names(model: Model) -> list[str]:
    """Name the outputs of a model: by the keys it was made with, or by their layers.

    Args:
        model: any; one that is not built yet counts as having one output.
    """
    structure = getattr(model, "output", None) if model.built else None
    if isinstance(structure, Mapping):
        return sorted(structure)
    names: list[str] = getattr(model, "output_names", ["output"]) if model.built else ["output"]
    return names
