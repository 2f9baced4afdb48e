"""Models that are one stack of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from cnnfast.clock import CLOCK
from cnnfast.engine.base_layer import Layer
from cnnfast.engine.input_layer import InputLayer
from cnnfast.engine.naming import name_scope
from cnnfast.engine.structure import Shape, is_shape
from cnnfast.engine.tensor import KerasTensor
from cnnfast.engine.topology import Network
from cnnfast.engine.variable_owner import unbuilt_layers
from cnnfast.models.graph_config import read_sequential, write_sequential
from cnnfast.models.graph_model import GraphModel
from cnnfast.models.serialization import register_model


class Sequential(GraphModel):
    """A stack of layers, each with one input and one output.

    The model is built as soon as the shape of its input is known: from an `Input` in front, from
    `input_shape=` of the first layer, from `build`, or from the first data it is called on.

    Args:
        layers: layers to add, the first of which may be an `Input`.
        trainable: whether training changes the layers.
        name: made up if None.

    Raises:
        ValueError: a layer does not fit the one before it.
        TypeError: something else than a layer was passed.
    """

    def __init__(
        self,
        layers: Iterable[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name=name, **options)
        self._stack: list[Layer] = []
        self._tensors: list[KerasTensor] = []
        self._built_network: Network | None = None
        for layer in [layers] if isinstance(layers, Layer) else layers or ():
            self.add(layer)
        if not trainable:
            self.trainable = False

    # ---- layers

    def add(self, layer: Any) -> None:
        """Put a layer on top of the stack.

        Args:
            layer: a layer or model, or as the first one an `Input`.

        Raises:
            ValueError: the layer does not fit, or its name is taken; the model is unchanged.
            TypeError: it is no layer.
        """
        if isinstance(layer, KerasTensor) and layer.history is not None:
            layer = layer.history.operation
        if not isinstance(layer, Layer):
            raise TypeError(
                "Only layers can be added to a Sequential model. "
                f"Received: {layer!r} (of type {type(layer).__name__})"
            )
        self._check_name(layer)
        if isinstance(layer, InputLayer):
            self._start(layer)
            return
        if not self._stack and not self._tensors:
            self._start_with_shape_of(layer)
        self._put(layer)

    def pop(self) -> Layer:
        """Take the top layer off.

        Returns:
            The layer.

        Raises:
            IndexError: there is none.
        """
        if not self._stack:
            raise IndexError(f"Sequential model '{self.name}' has no layers to pop.")
        layer = self._stack.pop()
        if self._tensors:
            removed = self._tensors.pop()
            layer.inbound_nodes[:] = [
                node for node in layer.inbound_nodes if removed not in node.outputs
            ]
        self._update()
        return layer

    @property
    def layers(self) -> list[Layer]:
        """The layers from bottom to top; an `Input` is not counted."""
        return list(self._stack)

    def _check_name(self, layer: Layer) -> None:
        if any(layer.name == other.name for other in self._stack):
            raise ValueError(
                f"Sequential model '{self.name}' has a layer of the name '{layer.name}' already. "
                "The names of its layers must differ."
            )

    def _put(self, layer: Layer) -> None:
        if self._tensors:
            self._tensors.append(self._apply(layer, self._tensors[-1]))
        self._stack.append(layer)
        self._update()

    def _apply(self, layer: Layer, tensor: KerasTensor) -> KerasTensor:
        with name_scope(self.name):
            output = layer(tensor)
        if not isinstance(output, KerasTensor):
            layer.inbound_nodes.pop()
            raise ValueError(
                f"The layers of Sequential model '{self.name}' must have one output. "
                f"Layer '{layer.name}' has {len(output)}."
            )
        return output

    # ---- input

    def _start(self, layer: InputLayer) -> None:
        if self._tensors:
            raise ValueError(
                f"Sequential model '{self.name}' has an input of shape {self._tensors[0].shape} "
                f"already. Received another: {layer!r}"
            )
        self._build_on(layer.output)

    def _start_with_shape_of(self, layer: Layer) -> None:
        if isinstance(layer, GraphModel) and layer.built:
            shape: Shape | None = layer.inputs[0].shape
            dtype = layer.inputs[0].dtype
        else:
            shape, dtype = layer.declared_input_shape, layer.input_dtype
        if shape is not None:
            self._build_on(InputLayer(batch_shape=shape, dtype=dtype).output)

    def build(self, input_shape: Any = None) -> None:
        """Create the variables of all layers.

        Args:
            input_shape: batch axis first, None for sizes known only at run time.

        Raises:
            ValueError: there are no layers, no shape is known or a layer does not fit; the model
                is unchanged.
        """
        if not self._stack:
            raise ValueError(
                f"Sequential model '{self.name}' cannot be built because it has no layers. "
                "Call `add` first."
            )
        if not is_shape(input_shape):
            raise ValueError(
                f"Sequential model '{self.name}' takes one input of a known shape. "
                f"Received: input_shape={input_shape!r}"
            )
        dtype = self._stack[0].input_dtype
        self._build_on(InputLayer(batch_shape=tuple(input_shape), dtype=dtype).output)

    def run_build(self, build: Callable[[Any], None], input_shape: Any) -> None:
        """Build the stack, which keeps what it had if that fails.

        Args:
            build: the method above.
            input_shape: see `build`.
        """
        if not self.built:
            build(input_shape)

    def unbuild(self) -> None:
        """Forget the input shape."""
        super().unbuild()
        self._tensors = []
        self._update()

    def _build_on(self, tensor: KerasTensor) -> None:
        unbuilt = unbuilt_layers(self._stack)
        counts = [len(layer.inbound_nodes) for layer in self._stack]
        tensors = [tensor]
        try:
            for layer in self._stack:
                tensors.append(self._apply(layer, tensors[-1]))
        except BaseException:
            for layer, count in zip(self._stack, counts, strict=True):
                del layer.inbound_nodes[count:]
            for fresh in unbuilt:
                fresh.unbuild()
            raise
        self._tensors = tensors
        self._update()

    def _update(self) -> None:
        """Bring everything that depends on the stack up to date."""
        self._plans.clear()
        CLOCK.time += 1
        self.built = bool(self._tensors and self._stack)
        self._built_network = None
        if self._tensors:
            self.build_shape = self._tensors[0].shape
            self._built_network = Network(self._tensors[:1], self._tensors[-1:])

    @property
    def network(self) -> Network:
        """The stack as a network."""
        if self._built_network is None:
            raise AttributeError(
                f"Sequential model '{self.name}' has no defined inputs and outputs yet. "
                "Put an `Input` in front, or call `build(input_shape)`."
            )
        return self._built_network

    @property
    def input(self) -> KerasTensor:
        """The tensor that enters the model."""
        return self.network.inputs[0]

    @property
    def output(self) -> KerasTensor:
        """The tensor that leaves the model."""
        return self.network.outputs[0]

    def split_inputs(self, inputs: Any) -> list[Any]:
        """Find the data of the input, and build the model for it if that is still to do.

        Args:
            inputs: an array, or a list of one or a dict of one.
        """
        if not self._tensors:
            (leaf,) = super(GraphModel, self).split_inputs(inputs)
            super(GraphModel, self).fit_arrays([leaf])
        return super().split_inputs(inputs)

    def check_inputs(self, shapes: Any) -> None:
        """Refuse inputs whose shapes do not fit those of the model.

        Args:
            shapes: the shape of the input, batch axis first.

        Raises:
            ValueError: the shape differs.
        """
        if self._tensors:
            super().check_inputs(shapes)

    # ---- config

    def get_config(self) -> dict[str, Any]:
        """Return all layers, fit for JSON."""
        return write_sequential(self)

    @property
    def input_layer(self) -> InputLayer | None:
        """The layer that stands for the input; None while its shape is unknown."""
        if not self._tensors or self._tensors[0].history is None:
            return None
        layer = self._tensors[0].history.operation
        assert isinstance(layer, InputLayer)
        return layer

    @classmethod
    def from_config(cls, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Make a model from what `get_config` returned, in any generation of Keras.

        Args:
            config: a dict with the layers, or a list of them as Keras before 2.2.3 wrote it.
            custom_objects: classes of the caller by name.

        Raises:
            ValueError: the config is malformed or names unknown classes.
        """
        described = read_sequential(config, custom_objects)
        model = cls(described.layers, trainable=described.trainable, name=described.name)
        if described.build_shape is not None and not model.built and described.layers:
            model.build(described.build_shape)
        return model


register_model("Sequential", module="keras", cls=Sequential)
