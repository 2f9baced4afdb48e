"""Models of the layers between given tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from cnnfast.engine.input_layer import Input, InputLayer
from cnnfast.engine.placed import shapes_of
from cnnfast.engine.structure import flatten, pack_like
from cnnfast.engine.tensor import KerasTensor
from cnnfast.engine.topology import Network
from cnnfast.models.graph_config import write_functional
from cnnfast.models.graph_model import GraphModel
from cnnfast.models.graph_reader import read_functional
from cnnfast.models.serialization import register_model


class Functional(GraphModel):
    """A model of the layers between KerasTensors; what `Model(inputs, outputs)` makes.

    Args:
        inputs: a KerasTensor from `Input`, or a list, tuple or dict of them. A tensor from inside
            another model becomes a new input.
        outputs: a KerasTensor, or a list, tuple or dict of them.
        name: made up if None.
        trainable: whether training changes the layers.
        **legacy: `input=` and `output=`, the names of Keras 1 for `inputs` and `outputs`.

    Raises:
        ValueError: the outputs depend on something besides the inputs, or two layers have the
            same name.
        TypeError: inputs or outputs are missing or no KerasTensors.
    """

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        trainable: bool = True,
        **legacy: Any,
    ) -> None:
        inputs = legacy.pop("input", inputs)
        outputs = legacy.pop("output", outputs)
        _check_tensors("inputs", inputs)
        _check_tensors("outputs", outputs)
        network = Network(flatten(inputs), flatten(outputs))
        super().__init__(name=name, **legacy)
        self._set_network(network, inputs, outputs)
        self.built = True
        self.build_shape = shapes_of(inputs)
        if not trainable:
            self.trainable = False

    def _set_network(self, network: Network, inputs: Any, outputs: Any) -> None:
        if not all(_is_input(tensor) for tensor in network.inputs):
            fresh = [_own_input(tensor) for tensor in network.inputs]
            replayed = network.replay(fresh)
            inputs, outputs = pack_like(inputs, fresh), pack_like(outputs, replayed)
            network = Network(fresh, replayed)
        self._network = network
        self._inputs = inputs
        self._outputs = outputs

    @property
    def network(self) -> Network:
        """The layers between the inputs and the outputs."""
        return self._network

    @property
    def shown_network(self) -> Network:
        """The network whose connections a summary shows."""
        return self._network

    @property
    def input(self) -> Any:
        """The tensors that enter the model, in the structure it was made with."""
        return self._inputs

    @property
    def output(self) -> Any:
        """The tensors that leave the model, in the structure it was made with."""
        return self._outputs

    def get_build_config(self) -> dict[str, Any] | None:
        """Return None for the shape: the config itself holds all shapes."""
        return {"input_shape": None}

    def get_config(self) -> dict[str, Any]:
        """Return all layers and how they are connected, fit for JSON."""
        return write_functional(self)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Make a model from what `get_config` returned, in Keras 3 or in Keras 2.

        Args:
            config: the layers and their connections.
            custom_objects: classes of the caller by name.

        Raises:
            ValueError: the config is malformed or names unknown classes.
        """
        inputs, outputs = read_functional(config, custom_objects)
        return cls(
            inputs, outputs, name=config.get("name"), trainable=config.get("trainable", True)
        )


def _check_tensors(what: str, structure: Any) -> None:
    leaves = flatten(structure)
    for leaf in leaves:
        if not isinstance(leaf, KerasTensor):
            raise TypeError(
                f"The `{what}` of a model must be KerasTensors. "
                f"Received: {leaf!r} (of type {type(leaf).__name__})"
            )
    if not leaves:
        raise ValueError(f"A model needs `{what}`. Received: {what}={structure!r}")


def _is_input(tensor: KerasTensor) -> bool:
    return tensor.history is not None and isinstance(tensor.history.operation, InputLayer)


def _own_input(tensor: KerasTensor) -> KerasTensor:
    if _is_input(tensor):
        return tensor
    return Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=f"{tensor.name}_input")


# Keras 2 calls this class Model, and so do files of Keras 1.
register_model(
    "Functional", "Model", "Network", module="keras.src.models.functional", cls=Functional
)
