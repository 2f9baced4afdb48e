"""Models whose layers form a known network: Functional and Sequential."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from cnnfast.engine.arrays import KernelDtype, cast_to_declared, numeric_array
from cnnfast.engine.base_layer import Layer
from cnnfast.engine.describe import Description
from cnnfast.engine.placed import shapes_of
from cnnfast.engine.plan import Plan
from cnnfast.engine.structure import flatten, flatten_shapes, pack_like
from cnnfast.engine.tensor import KerasTensor
from cnnfast.engine.topology import Network
from cnnfast.engine.variable_owner import VariableOwner
from cnnfast.models.inputs import check_shape, fit_rank, split_by_input
from cnnfast.models.model import Model


class GraphModel(Model):
    """A model that knows its network."""

    @property
    def network(self) -> Network:
        """The layers between the inputs and the outputs."""
        raise NotImplementedError

    @property
    def inputs(self) -> list[KerasTensor]:
        """The tensors that enter the model."""
        return self.network.inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The tensors that leave the model."""
        return self.network.outputs

    @property
    def input(self) -> Any:
        """The tensors that enter the model, in the structure it was made with."""
        raise NotImplementedError

    @property
    def output(self) -> Any:
        """The tensors that leave the model, in the structure it was made with."""
        raise NotImplementedError

    @property
    def input_shape(self) -> Any:
        """Shape of `input`."""
        return shapes_of(_unwrapped(self.input, list(self.inputs)))

    @property
    def output_shape(self) -> Any:
        """Shape of `output`."""
        return shapes_of(_unwrapped(self.output, list(self.outputs)))

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs, in the order of `inputs`."""
        return [tensor.name for tensor in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """Names of the layers that make the outputs, in the order of `outputs`."""
        return [self.network.index_of(tensor)[0] for tensor in self.outputs]

    @property
    def asks_for_training(self) -> bool:  # type: ignore[override]
        """Whether a call inside says `training=True`, whatever the model does."""
        return self.built and self.network.asks_for_training

    @property
    def layers(self) -> list[Layer]:
        """The layers of the model, those farthest from the outputs first."""
        return list(self.network.layers)

    def sublayers(self) -> list[VariableOwner]:
        """List the layers of the model."""
        return list(self.layers)

    # ---- on KerasTensors

    def plan(self, batch: int = 1) -> Description:
        """Show what a prediction runs: `model.plan(32).describe()` prints it as a table.

        Args:
            batch: images that operations and bytes are counted for.

        Raises:
            ValueError: an input has an axis of unknown length besides the batch, or `batch` is
                less than 1.
        """
        shapes = [tuple(tensor.shape[1:]) for tensor in self.inputs]
        known = [tuple(size for size in shape if size is not None) for shape in shapes]
        if known != shapes:
            raise ValueError(
                f"A plan needs inputs of known shapes. Model '{self.name}' takes {shapes}."
            )
        if batch < 1:
            raise ValueError(f"`batch` must be at least 1. Received: {batch!r}")
        plan = self.compiled_for([(batch, *shape) for shape in known]).plan
        if not isinstance(plan, Plan):
            raise NotImplementedError(
                f"Model '{self.name}' has a call with training=True, and with it no plan to show."
            )
        return Description(plan, batch)

    def check_inputs(self, shapes: Any) -> None:
        """Refuse inputs whose shapes do not fit those of the model.

        Args:
            shapes: the shape of the input, batch axis first, or a structure of shapes.

        Raises:
            ValueError: the number of inputs or a shape differs.
        """
        flat = flatten_shapes(shapes)
        if len(flat) != len(self.inputs):
            raise ValueError(
                f"Model '{self.name}' expects {len(self.inputs)} inputs, {self.input_names}. "
                f"Received: {len(flat)} of them, of the shapes {flat}"
            )
        for position, (shape, tensor) in enumerate(zip(flat, self.inputs, strict=True)):
            check_shape(self.name, position, shape, tensor.shape)

    def compute_output_spec(self, inputs: Any) -> Any:
        """Make the KerasTensors that a call returns.

        Args:
            inputs: a KerasTensor or a structure of them.
        """
        outputs = self.network.output_tensors(self._ordered(inputs))
        return _unwrapped(pack_like(self.output, outputs), outputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the shape of the output.

        Args:
            input_shape: batch axis first, None where unknown; a list for several inputs.
        """
        shapes = flatten_shapes(input_shape)
        pairs = zip(shapes, self.inputs, strict=True)
        tensors = [KerasTensor(shape, tensor.dtype) for shape, tensor in pairs]
        outputs = self.network.output_tensors(tensors)
        return shapes_of(_unwrapped(pack_like(self.output, outputs), outputs))

    def _ordered(self, inputs: Any) -> list[KerasTensor]:
        if isinstance(inputs, Mapping):
            return split_by_input(self.name, self.input, self.inputs, inputs)
        return flatten(inputs)

    # ---- on arrays

    def split_inputs(self, inputs: Any) -> list[Any]:
        """Find the data of each input.

        Args:
            inputs: an array, or a list, tuple or dict of arrays.
        """
        return split_by_input(self.name, self.input, self.inputs, inputs)

    def fit_arrays(self, leaves: list[Any]) -> list[NDArray[Any]]:
        """Give data the rank and type that the inputs were declared with.

        Args:
            leaves: data of each input.

        Returns:
            Arrays of numbers.

        Raises:
            ValueError: a shape does not fit.
            TypeError: an input holds no real numbers.
        """
        arrays = []
        for position, (leaf, tensor) in enumerate(zip(leaves, self.inputs, strict=True)):
            array = fit_rank(numeric_array(leaf, f"model '{self.name}'"), tensor.shape)
            check_shape(self.name, position, array.shape, tensor.shape)
            arrays.append(cast_to_declared(array, tensor.dtype))
        return arrays

    def pack_outputs(self, outputs: list[NDArray[Any]]) -> Any:
        """Arrange a plan's outputs in the structure of the model's outputs.

        Args:
            outputs: one array for each output.
        """
        return _unwrapped(pack_like(self.output, outputs), outputs)

    def lower(self, graph: Any, *values: Any) -> Any:
        """Add the operations of all layers to a graph.

        Args:
            graph: the graph being put together.
            *values: one for each input.

        Returns:
            The output value, or a list of them.
        """
        lowered = self.network.lower(graph, values)
        return lowered[0] if len(lowered) == 1 else lowered

    def with_masks(self, graph: Any, values: Any, outputs: Any) -> list[Any]:
        """Leave the outputs the masks that layers inside gave them.

        Args:
            graph: the graph being put together.
            values: the inputs.
            outputs: what `lower` made of them.
        """
        return list(outputs)

    def kernel_input_dtypes(self, count: int) -> tuple[KernelDtype, ...]:
        """Name the data type each input array must be converted to.

        Args:
            count: number of inputs.
        """
        return tuple(self._kernel_dtype(tensor) for tensor in self.inputs)

    def _kernel_dtype(self, tensor: KerasTensor) -> KernelDtype:
        """Keep integers for layers that look them up; all others read floats."""
        readers = [node.layer for node in self.network.nodes if tensor in node.inputs]
        wants_ids = bool(readers) and all(layer.input_dtype == "int32" for layer in readers)
        return "int32" if wants_ids and "int" in tensor.dtype else "float32"


def _unwrapped(structure: Any, leaves: list[Any]) -> Any:
    """Replace a list of one by what is in it, as calls of a Keras model do."""
    is_list_of_one = isinstance(structure, list | tuple) and len(leaves) == 1
    return leaves[0] if is_list_of_one else structure
