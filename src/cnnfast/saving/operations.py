"""Arithmetic on tensors, which Keras 3 records as operations, rewritten into layers.

`x + y`, `x * y` and their kin become the layer that merges; arithmetic with a number becomes
Rescaling. HDF5 files give an operation the same class name as its layer: the layer takes one
list, the operation two arguments.
"""

from __future__ import annotations

from typing import Any

from cnnfast.saving.config import Config

MERGES = ("Add", "Maximum", "Minimum", "Multiply", "Subtract")
DIVISIONS = ("Divide", "TrueDivide")


def as_layer(entry: Config) -> Config:
    """Rewrite an entry if it is an operation that a layer can do; return others as they are.

    Args:
        entry: of a layer or an operation inside a model.
    """
    calls = entry.get("inbound_nodes")
    operands = [_operands(call) for call in calls] if isinstance(calls, list) else []
    if not operands or not all(operands):
        return entry
    if entry["class_name"] in MERGES and all(_of_one_rank(*pair) for pair in operands):
        return _rewritten(entry, entry["class_name"], {}, [list(pair) for pair in operands])
    line = _line(entry["class_name"], *operands[0])
    if line is None or len(operands) > 1:
        return entry
    scale, offset = line
    (tensor,) = (value for value in operands[0] if isinstance(value, dict))
    return _rewritten(entry, "Rescaling", {"scale": scale, "offset": offset}, [tensor])


def _rewritten(entry: Config, class_name: str, options: Config, arguments: list[Any]) -> Config:
    dropped = ("module", "registered_name")
    return {
        **{key: value for key, value in entry.items() if key not in dropped},
        "class_name": class_name,
        "config": {**entry["config"], **options},
        "inbound_nodes": [{"args": [argument], "kwargs": {}} for argument in arguments],
    }


def _operands(call: Any) -> tuple[Any, ...]:
    """Return the two arguments of a call, nothing if it has another number."""
    arguments = call.get("args") if isinstance(call, dict) else None
    if not isinstance(arguments, list) or len(arguments) != 2 or call.get("kwargs"):
        return ()
    return tuple(arguments)


def _of_one_rank(one: Any, other: Any) -> bool:
    """Tell whether two tensors have as many axes, so that layers pair them as operations do."""
    one, other = _shape(one), _shape(other)
    return one is not None and other is not None and len(one) == len(other)


def _shape(tensor: Any) -> list[Any] | None:
    config = tensor.get("config") if isinstance(tensor, dict) else None
    shape = config.get("shape") if isinstance(config, dict) else None
    return shape if isinstance(shape, list) else None


def _line(name: str, one: Any, other: Any) -> tuple[float, float] | None:
    """Return scale and offset of an operation with a number, None if it is no such."""
    if _shape(one) is not None and _is_number(other):
        return {
            "Add": (1.0, other),
            "Subtract": (1.0, -other),
            "Multiply": (other, 0.0),
            **{division: (1.0 / other, 0.0) for division in DIVISIONS if other},
        }.get(name)
    if _is_number(one) and _shape(other) is not None:
        return {"Add": (1.0, one), "Subtract": (-1.0, one), "Multiply": (one, 0.0)}.get(name)
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
