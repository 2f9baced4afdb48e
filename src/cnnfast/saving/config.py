"""Model configurations as JSON: bounded parsing, limits, and what each layer is called and where.

A configuration is small text that asks for large things, so nothing is built from it before its
depth, its sizes and its number of layers have been checked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Config = dict[str, Any]

MAX_JSON_BYTES = 32 << 20
MAX_DEPTH = 200
MAX_SIZE = 2**31 - 1
MAX_LAYERS = 5_000
MAX_APPLICATIONS = 100_000

MODEL_CLASSES = ("Functional", "Model", "Sequential")
_WRAPPED = ("layer", "forward_layer", "backward_layer")
_SIZE_KEYS = frozenset(
    [
        "axis",
        "batch_input_shape",
        "batch_shape",
        "cropping",
        "depth_multiplier",
        "dilation_rate",
        "dims",
        "filters",
        "groups",
        "input_dim",
        "kernel_size",
        "n",
        "output_dim",
        "output_padding",
        "padding",
        "pool_size",
        "shape",
        "shared_axes",
        "size",
        "strides",
        "target_shape",
        "units",
    ]
)


@dataclass(frozen=True)
class Found:
    """One layer of a configuration.

    Attributes:
        class_name: Name of its class.
        path: Names of the models around it and its own, joined by "/".
        entry: Its part of the configuration, with "class_name" and "config".
    """

    class_name: str
    path: str
    entry: Config


def parse_json(text: str | bytes, what: str) -> Config:
    """Parse JSON text that must hold an object, within limits on its size and depth.

    Args:
        text: The JSON text.
        what: Name of the text for error messages.

    Returns:
        The parsed object.

    Raises:
        ValueError: The text is too long, too deep or no JSON object.
    """
    if len(text) > MAX_JSON_BYTES:
        raise ValueError(f"{what} has {len(text)} bytes, at most {MAX_JSON_BYTES} are read")
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"{what} is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{what} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{what} holds {type(value).__name__}, expected a JSON object")
    if depth(value) > MAX_DEPTH:
        raise ValueError(f"{what} is nested more than {MAX_DEPTH} levels deep")
    return value


def depth(value: Any) -> int:
    """Return how many lists and objects of a JSON value are nested in each other."""
    level, found = [value], 0
    while level := [item for item in level if isinstance(item, dict | list)]:
        found += 1
        level = [child for item in level for child in _children(item)]
    return found


def _children(item: Mapping[str, Any] | list[Any]) -> list[Any]:
    return list(item.values()) if isinstance(item, Mapping) else item


def is_model(entry: Config) -> bool:
    """Return whether an entry describes a model rather than a layer."""
    return entry.get("class_name") in MODEL_CLASSES


def model_layers(entry: Config) -> list[Config]:
    """Return the entries of the layers of a model.

    Args:
        entry: Entry of a model; the config of a Sequential may be the bare list of its layers, as
            Keras wrote it up to 2.2.2.

    Raises:
        ValueError: There is no list of layers, or one of them is not an entry.
    """
    config = entry.get("config")
    layers = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(layers, list):
        raise ValueError(f"the model of class {entry.get('class_name')!r} has no list of layers")
    for layer in layers:
        _check_entry(layer)
    return layers


def _check_entry(entry: Any) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
        raise ValueError(f"expected a layer with a class_name, received {_short(entry)}")
    if not isinstance(entry.get("config"), dict | list):
        raise ValueError(f"the layer of class {entry['class_name']!r} has no config")


def layer_name(entry: Config) -> str:
    """Return the name of a layer, or its class name where it has none."""
    config = entry["config"]
    name = entry.get("name") or (config.get("name") if isinstance(config, dict) else None)
    return name if isinstance(name, str) else str(entry["class_name"])


def walk(entry: Config, prefix: str = "") -> Iterator[Found]:
    """Yield every layer of a model entry: those of nested models and inside wrappers too.

    Raises:
        ValueError: A part of the configuration has not the form of a layer.
    """
    for layer in model_layers(entry):
        path = prefix + layer_name(layer)
        yield Found(layer["class_name"], path, layer)
        if is_model(layer):
            yield from walk(layer, f"{path}/")
        elif isinstance(layer["config"], dict):
            yield from _walk_wrapped(layer["config"], f"{path}/")


def _walk_wrapped(config: Config, prefix: str) -> Iterator[Found]:
    for key in _WRAPPED:
        inner = config.get(key)
        if isinstance(inner, dict) and isinstance(inner.get("config"), dict):
            path = prefix + layer_name(inner)
            yield Found(inner["class_name"], path, inner)
            yield from _walk_wrapped(inner["config"], f"{path}/")


def check_limits(entry: Config) -> None:
    """Refuse a model that is larger than any real one, before anything is built.

    Raises:
        ValueError: It has too many layers, applies them too often (nested models multiply), or
            asks for a size beyond 2**31 - 1.
    """
    _check_entry(entry)
    if not is_model(entry):
        raise ValueError(
            f"it holds a model of the class {entry['class_name']!r}, which cannot be rebuilt "
            f"from a file; expected one of {', '.join(MODEL_CLASSES)}"
        )
    for count, found in enumerate(walk(entry), start=1):
        if count > MAX_LAYERS:
            raise ValueError(f"the model has more than {MAX_LAYERS} layers")
        _check_sizes(found)
    if applications(entry) > MAX_APPLICATIONS:
        raise ValueError(f"the model applies its layers more than {MAX_APPLICATIONS} times")


def _check_sizes(found: Found) -> None:
    config = found.entry["config"]
    if not isinstance(config, dict):
        return
    for key in _SIZE_KEYS & config.keys():
        too_large = [size for size in _numbers(config[key]) if abs(size) > MAX_SIZE]
        if too_large:
            raise ValueError(
                f"layer '{found.path}' ({found.class_name}) has {key}={too_large[0]!r}, "
                f"at most {MAX_SIZE} is accepted"
            )


def _numbers(value: Any) -> Iterator[int | float]:
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item)


def applications(entry: Config) -> int:
    """Return how many layer calls one call of a model makes, through all nested models."""
    total = 0
    for layer in model_layers(entry):
        nodes = layer.get("inbound_nodes")
        calls = max(len(nodes), 1) if isinstance(nodes, list) else 1
        total += calls * (applications(layer) if is_model(layer) else 1)
        if total > MAX_APPLICATIONS:
            break
    return total


def check_supported(entry: Config, classes: Container[str], custom: Container[str]) -> None:
    """Refuse a model with layers that are not on the allow-list, naming all of them at once.

    Args:
        entry: Entry of the model.
        classes: Allowed class names.
        custom: Class names and names of layers that the caller supplies.

    Raises:
        ValueError: Some layers are not supported; the message says which, how often and where.
    """
    places: dict[str, list[str]] = {}
    for found in walk(entry):
        if not is_model(found.entry) and not _allowed(found, classes, custom):
            places.setdefault(described_class(found.entry), []).append(found.path)
    if places:
        raise ValueError(_unsupported_message(places))


def _allowed(found: Found, classes: Container[str], custom: Container[str]) -> bool:
    if layer_name(found.entry) in custom or found.class_name in custom:
        return True
    return described_class(found.entry) in classes


def is_operation(entry: Config) -> bool:
    """Return whether an entry is a bare operation and not a layer.

    Keras 3 records `x + y` under the class name `Add` of its module of operations, which is not
    the layer `Add`.
    """
    module = entry.get("module")
    return isinstance(module, str) and "ops" in module.split(".")


def described_class(entry: Config) -> str:
    """Return the class name of an entry, with its module if it is an operation."""
    name = str(entry["class_name"])
    return f"{entry['module']}.{name}" if is_operation(entry) else name


def _unsupported_message(places: Mapping[str, list[str]]) -> str:
    counts = Counter({name: len(paths) for name, paths in places.items()})
    lines = [f"  {name} (x{count}): {_some(places[name])}" for name, count in counts.most_common()]
    message = "it uses layers that cnnfast does not support:\n" + "\n".join(lines)
    if "Lambda" in places:
        message += "\nA Lambda layer holds code, which is never run from a file."
    return message + (
        "\nPass custom_objects={class name or layer name: your subclass of cnnfast's Layer} "
        "to supply them yourself."
    )


def _some(paths: list[str], shown: int = 8) -> str:
    rest = f", and {len(paths) - shown} more" if len(paths) > shown else ""
    return ", ".join(paths[:shown]) + rest


def _short(value: Any, length: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= length else text[: length - 3] + "..."
