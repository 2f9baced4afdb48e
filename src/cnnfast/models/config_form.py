"""The form of a functional model's config, checked before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cnnfast.models.serialization import Config

TENSOR_CLASS: Final = "__keras_tensor__"


def check_form(config: Config) -> None:
    """Check that what a functional model's config holds lies where it belongs.

    Args:
        config: of any version of Keras.

    Raises:
        ValueError: a part is missing or of another kind; it is named.
    """
    _check(config, Mapping, "its top", "a dict")
    for key in ("layers", "input_layers", "output_layers"):
        if key not in config:
            raise ValueError(
                f"A Functional model's config must hold `{key}`. Received only: {list(config)}"
            )
    _check(config["layers"], list | tuple, "layers", "a list")
    for index, entry in enumerate(config["layers"]):
        _check_entry(entry, f"layers[{index}]")


def place_of(tensor: Config) -> list[Any]:
    """Return where a call finds a tensor: [layer, node, tensor].

    Args:
        tensor: as Keras 3 writes it among the arguments of a call.

    Raises:
        ValueError: it does not say so.
    """
    config = tensor.get("config")
    place = config.get("keras_history") if isinstance(config, Mapping) else None
    if isinstance(place, list) and is_place(place):
        return place
    raise ValueError(
        "A tensor in the model's config must have a `keras_history` of [layer, node, tensor]. "
        f"Received: {tensor!r}"
    )


def is_place(value: Any) -> bool:
    """Tell [layer, node, tensor, ...] from a list of such.

    Args:
        value: from a config.
    """
    return (
        isinstance(value, list | tuple)
        and len(value) >= 3
        and isinstance(value[0], str)
        and all(isinstance(index, int) for index in value[1:3])
    )


def is_new_call(call: Any) -> bool:
    """Tell Keras 3's form of a call, {"args": ..., "kwargs": ...}, from the older lists.

    Args:
        call: from a config.
    """
    return isinstance(call, Mapping) and "args" in call


def _check_entry(entry: Any, where: str) -> None:
    _check(entry, Mapping, where, "a dict")
    _check(entry.get("config"), Mapping, f"{where}['config']", "a dict")
    if "name" in entry:
        _check(entry["name"], str, f"{where}['name']", "a string")
    calls = entry.get("inbound_nodes") or ()
    _check(calls, list | tuple, f"{where}['inbound_nodes']", "a list")
    for index, call in enumerate(calls):
        if is_new_call(call):
            place = f"{where}['inbound_nodes'][{index}]"
            _check(call["args"], list | tuple, f"{place}['args']", "a list")
            _check(call.get("kwargs", {}), Mapping, f"{place}['kwargs']", "a dict")


def _check(value: Any, kind: Any, where: str, expected: str) -> None:
    if not isinstance(value, kind):
        raise ValueError(
            f"A Functional model's config must hold {expected} at {where}. Received: {value!r}"
        )
