"""Configs of Functional and Sequential models: written as by Keras 3, read from any Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.layer_arguments import policy_config
from cnnfast.engine.structure import map_structure
from cnnfast.engine.tensor import KerasTensor
from cnnfast.engine.topology import Network
from cnnfast.models.config_form import TENSOR_CLASS
from cnnfast.models.serialization import (
    Config,
    counts_from_one,
    deserialize_layer,
    serialize_layer,
)

if TYPE_CHECKING:
    from cnnfast.models.functional import Functional
    from cnnfast.models.sequential import Sequential


class SequentialParts(NamedTuple):
    """What a Sequential's config holds."""

    layers: list[Layer]
    name: str | None
    trainable: bool
    build_shape: Any


def write_sequential(model: Sequential) -> dict[str, Any]:
    """Describe a Sequential the way Keras 3 does.

    Args:
        model: built or not.
    """
    entrance = [] if model.input_layer is None else [model.input_layer]
    config = {
        "name": model.name,
        "trainable": model.trainable,
        "dtype": policy_config(model.dtype_policy),
        "layers": [serialize_layer(layer) for layer in (*entrance, *model.layers)],
    }
    return {**config, "build_input_shape": model.input_shape} if entrance else config


def write_functional(model: Functional) -> dict[str, Any]:
    """Describe a Functional the way Keras 3 does.

    Args:
        model: any.
    """
    network = model.network
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": [
            {**serialize_layer(layer), "name": layer.name, "inbound_nodes": _calls(network, layer)}
            for layer in network.layers
        ],
        "input_layers": _locations(network, model.input),
        "output_layers": _output_locations(network, model.output),
    }


def _calls(network: Network, layer: Layer) -> list[dict[str, Any]]:
    def described(tensor: KerasTensor) -> dict[str, Any]:
        place = list(network.index_of(tensor))
        config = {"shape": tensor.shape, "dtype": tensor.dtype, "keras_history": place}
        return {"class_name": TENSOR_CLASS, "config": config}

    return [
        {
            "args": [map_structure(described, node.input_structure)],
            "kwargs": {} if node.training is None else {"training": node.training},
        }
        for node in network.nodes_of(layer)
        if not node.is_input
    ]


def _locations(network: Network, structure: Any) -> Any:
    return map_structure(lambda tensor: list(network.index_of(tensor)), structure)


def _output_locations(network: Network, structure: Any) -> Any:
    def location(tensor: KerasTensor) -> list[Any]:
        name, node, place = network.index_of(tensor)
        maker = tensor.history and tensor.history[0]
        return [name, node + counts_from_one(maker), place]

    return map_structure(location, structure)


def read_sequential(config: Any, custom_objects: Config | None) -> SequentialParts:
    """Read a Sequential's config.

    Args:
        config: a dict with the layers, or before Keras 2.2.3 a bare list of them.
        custom_objects: classes of the caller by name.

    Raises:
        ValueError: it is neither, or names an unknown class.
    """
    settings = config if isinstance(config, Mapping) else {"layers": config}
    described = settings.get("layers")
    if not isinstance(described, Sequence) or isinstance(described, str):
        raise ValueError(
            f"A Sequential's config must hold a list of layers. Received: layers={described!r}"
        )
    return SequentialParts(
        [deserialize_layer(layer, custom_objects) for layer in described],
        settings.get("name"),
        settings.get("trainable", True),
        settings.get("build_input_shape"),
    )
