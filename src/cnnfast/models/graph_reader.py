"""Functional models from their configs: layers called on one another as a file says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.tensor import KerasTensor
from cnnfast.models.config_form import TENSOR_CLASS, check_form, is_new_call, is_place, place_of
from cnnfast.models.graph_model import GraphModel
from cnnfast.models.mask_operations import without_mask_operations
from cnnfast.models.serialization import Config, counts_from_one, deserialize_layer


class _MissingTensorError(ValueError):
    """A tensor that a call needs has not been made yet."""


def read_functional(config: Config, custom_objects: Config | None) -> tuple[Any, Any]:
    """Make the layers and connections that a Functional's config describes.

    Args:
        config: `layers` with their `inbound_nodes`, `input_layers` and `output_layers`, in the
            form of Keras 1, 2 or 3.
        custom_objects: classes of the caller by name.

    Returns:
        The inputs and the outputs, each a KerasTensor or a structure of them.

    Raises:
        ValueError: it is malformed, refers to missing layers or names an unknown class.
    """
    check_form(config)
    reader = _GraphReader(without_mask_operations(config), custom_objects)
    reader.make_calls()
    return reader.resolve(config["input_layers"]), reader.outputs(config["output_layers"])


class _GraphReader:
    """Calls layers on one another until all connections of a config are made."""

    def __init__(self, config: Config, custom_objects: Config | None) -> None:
        self._layers: dict[str, Layer] = {}
        self._pending: dict[str, list[Any]] = {}
        for described in config["layers"]:
            layer = deserialize_layer(described, custom_objects)
            name = described.get("name", layer.name)
            self._layers[name] = layer
            self._pending[name] = list(described.get("inbound_nodes") or ())
        calls = [call for calls in self._pending.values() for call in calls]
        self._is_old = not any(is_new_call(call) for call in calls)
        self._skipped = _skipped_nodes(self._layers, calls, config) if self._is_old else {}

    def make_calls(self) -> None:
        """Call every layer as often as the config says.

        Raises:
            ValueError: a call needs a tensor that nothing makes.
        """
        while any(self._pending.values()):
            if not self._make_progress():
                stuck = [name for name, calls in self._pending.items() if calls]
                raise ValueError(
                    "The layers of the model's config cannot be connected: these depend on "
                    f"outputs that nothing makes, or on each other: {stuck}"
                )

    def _make_progress(self) -> bool:
        """Make every call whose inputs exist, those of one layer in their order."""
        before = sum(map(len, self._pending.values()))
        for name, calls in self._pending.items():
            while calls:
                try:
                    arguments = self._arguments(name, calls[0])
                except _MissingTensorError:
                    break
                self._layers[name](arguments, training=_training_of(name, calls[0]))
                del calls[0]
        return sum(map(len, self._pending.values())) < before

    def _arguments(self, name: str, call: Any) -> Any:
        if is_new_call(call):
            return self._new_arguments(name, call)
        return self.resolve([call] if is_place(call) else call)

    def _new_arguments(self, name: str, call: Config) -> Any:
        arguments = [*call["args"]]
        if not arguments and "inputs" in call.get("kwargs", {}):
            arguments = [call["kwargs"]["inputs"]]
        if len(arguments) != 1:
            raise ValueError(
                f"Layer '{name}' must be called on one argument, which may be a list. "
                f"Received: {len(arguments)} arguments"
            )
        return self._tensors_of(name, arguments[0])

    def _tensors_of(self, name: str, described: Any) -> Any:
        if isinstance(described, Mapping):
            if described.get("class_name") == TENSOR_CLASS:
                return self._tensor(place_of(described))
            return {key: self._tensors_of(name, value) for key, value in described.items()}
        if isinstance(described, list | tuple):
            return [self._tensors_of(name, value) for value in described]
        raise ValueError(f"Layer '{name}' is called on a constant in the config: {described!r}")

    def outputs(self, places: Any) -> Any:
        """Find the model's outputs by their places, which Keras 3 counts in a way of its own.

        Args:
            places: as `resolve` takes them.
        """
        if not self._is_old:
            nested = [name for name, layer in self._layers.items() if counts_from_one(layer)]
            first = {name for name, index, *_ in _places(places) if index == 0}
            self._skipped = {name: 1 for name in nested if name not in first}
        return self.resolve(places)

    def resolve(self, places: Any) -> Any:
        """Find tensors by their places.

        Args:
            places: [layer, node, tensor, ...], or a list or dict of such.

        Returns:
            A KerasTensor, or a list or dict of them; of a list of one just that one if the config
            is of a Keras that wrote every tensor as a list.
        """
        if is_place(places):
            return self._tensor(places)
        if isinstance(places, Mapping):
            return {key: self.resolve(place) for key, place in places.items()}
        if not isinstance(places, list | tuple):
            raise ValueError(f"The model's config has no tensor at {places!r}")
        tensors = [self.resolve(place) for place in places]
        return tensors[0] if self._is_old and len(tensors) == 1 else tensors

    def _tensor(self, place: Any) -> KerasTensor:
        name, node_index, tensor_index = place[:3]
        if name not in self._layers:
            raise ValueError(f"The model's config refers to a layer that it lacks: {name!r}")
        nodes = self._layers[name].inbound_nodes
        index = node_index - self._skipped.get(name, 0)
        if not 0 <= index < len(nodes):
            raise _MissingTensorError(f"{name!r} is not called {index + 1} times in the config.")
        if not 0 <= tensor_index < len(nodes[index].outputs):
            raise ValueError(f"Layer '{name}' has no output {tensor_index!r}.")
        tensor: KerasTensor = nodes[index].outputs[tensor_index]
        return tensor


def _training_of(name: str, call: Any) -> bool | None:
    """Find out whether a call says what the layer does, whatever the model does."""
    if is_new_call(call):
        options = [call.get("kwargs")]
    else:
        options = [place[3] for place in _places(call) if len(place) > 3]
    given = [kwargs.get("training") for kwargs in options if isinstance(kwargs, Mapping)]
    found = [value for value in given if value is not None]
    if any(value not in (True, False) for value in found):
        raise ValueError(
            f"Layer '{name}' is called with a `training` that is neither true nor false in the "
            f"config: {found[0]!r}"
        )
    return bool(found[0]) if found else None


def _skipped_nodes(layers: Mapping[str, Layer], calls: Any, config: Config) -> dict[str, int]:
    """Find the models inside the model whose calls an old config counts from one.

    Keras 1 and 2 let a model begin with a call on its own inputs, so that its first call as a
    layer was number one.
    """
    used: dict[str, set[int]] = {}
    for name, index, *_ in _places((calls, config["output_layers"])):
        used.setdefault(name, set()).add(index)
    return {
        name: 1
        for name, indices in used.items()
        if 0 not in indices and isinstance(layers.get(name), GraphModel)
    }


def _places(structure: Any) -> Iterator[Any]:
    if is_place(structure):
        yield structure
    elif isinstance(structure, list | tuple | Mapping):
        children = structure.values() if isinstance(structure, Mapping) else structure
        for child in children:
            yield from _places(child)
