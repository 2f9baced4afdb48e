"""The layer: weights, a shape rule, and operations for the compiler."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

from numpy.typing import NDArray

from cnnfast import regularizers
from cnnfast.engine.arrays import KernelDtype, kernel_array, numeric_array
from cnnfast.engine.input_checks import check_input_count, check_input_shapes
from cnnfast.engine.layer_arguments import policy_config, policy_name, take_input_shape
from cnnfast.engine.masks import Masked
from cnnfast.engine.naming import validate_name
from cnnfast.engine.node import Node
from cnnfast.engine.placed import Placed, shapes_of
from cnnfast.engine.plan_cache import Compiled, PlanCache
from cnnfast.engine.structure import Shape, as_shapes, flatten, flatten_shapes, is_shape
from cnnfast.engine.tensor import KerasTensor, any_symbolic
from cnnfast.engine.topology import Network
from cnnfast.engine.variable_owner import VariableOwner
from cnnfast.names import to_snake_case, unique_name

if TYPE_CHECKING:
    from cnnfast.engine.graph import Graph, Value

# Two threads that trace the same layers at once would take back each other's nodes.
_TRACING = threading.RLock()


class Layer(VariableOwner, Placed, Masked):
    """Base of all layers and models.

    A subclass sets its options in `__init__`, creates variables in `build`, gives its shape rule
    in `compute_output_shape` and adds its operations to a graph in `lower`. A layer called on
    KerasTensors becomes part of a model; called on arrays it computes at once.

    Args:
        name: unique within a model; made up from the class name if None.
        dtype: "float32" or a policy of lower precision from a Keras file; layers compute in
            float32 either way.
        trainable: whether training changes the layer's variables.
        activity_regularizer: penalty on the layer's outputs during training.
        autocast: accepted for Keras's sake.
        **legacy: `input_shape`, `batch_input_shape`, `batch_shape`, `input_dim` and `batch_size`,
            which declare the shape of the input in the first layer of a Sequential, and `weights`,
            the initial values of the variables.

    Raises:
        TypeError: an argument is unknown to this layer.
        ValueError: the name, shape or dtype is malformed.
    """

    # Number of axes of the input, the batch axis included; several if any of them will do.
    input_rank: ClassVar[int | tuple[int, ...] | None] = None
    # What an automatic `Input` in front of the layer delivers: "int32" where ids are looked up.
    input_dtype: ClassVar[KernelDtype] = "float32"
    # Whether a call inside says `training=True`, whatever the whole does.
    asks_for_training: bool = False
    # Sizes the input must have once the layer is built: axis -> size. `build` fills it in.
    input_axes: Mapping[int, int] = {}

    def __init__(
        self,
        *,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        activity_regularizer: Any = None,
        autocast: bool = True,
        **legacy: Any,
    ) -> None:
        self.declared_input_shape = take_input_shape(legacy)
        initial_weights = legacy.pop("weights", None)
        if legacy:
            raise TypeError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {legacy}"
            )
        self.dtype_policy = policy_name(dtype)
        checked_name = self._automatic_name() if name is None else validate_name(name)
        VariableOwner.__init__(self, checked_name, trainable, initial_weights)
        Placed.__init__(self, checked_name)
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)

    @classmethod
    def _automatic_name(cls) -> str:
        return unique_name(to_snake_case(cls.__name__))

    # ---- what subclasses provide

    def build(self, input_shape: Any) -> None:
        """Create the variables.

        Args:
            input_shape: batch axis first, None where unknown; a list for several inputs.
        """
        if self._is_composed:
            self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the shape of the output.

        Args:
            input_shape: batch axis first, None where unknown; a list for several inputs.

        Returns:
            A shape, or a structure of shapes. By default the input's own shape, or for a layer
            composed in `call` the shape of what that returns.
        """
        if not self._is_composed:
            return input_shape
        with self._tracing():
            return shapes_of(self.call(_tensors(input_shape, self.input_dtype)))

    def lower(self, graph: Graph, *values: Value) -> Any:
        """Add the layer's operations to a graph.

        Args:
            graph: the graph being put together.
            *values: the inputs, of known shapes without a batch axis.

        Returns:
            The output value, or a list of them.
        """
        if not self._is_composed:
            raise NotImplementedError(
                f"Layer '{self.name}' of class {type(self).__name__} defines no computation: "
                "write its `lower` method, or compose it of other layers in `call`."
            )
        inputs = [KerasTensor((None, *value.shape), value.dtype) for value in values]
        with self._tracing():
            outputs = self.call(inputs[0] if len(inputs) == 1 else inputs)
            network = Network(inputs, flatten(outputs))
        lowered = network.lower(graph, values)
        return lowered[0] if len(lowered) == 1 else lowered

    def call(self, inputs: Any) -> Any:
        """Compose the layer of other layers, as an alternative to `lower`.

        Args:
            inputs: KerasTensors.

        Returns:
            What the last of the other layers returned.
        """
        raise NotImplementedError(f"Layer '{self.name}' is not composed of other layers.")

    @contextmanager
    def _tracing(self) -> Iterator[None]:
        """Take back the nodes that a run of `call` leaves in the layers it uses."""
        with _TRACING:
            parts = [part for part in self.sublayers() if isinstance(part, Layer)]
            counts = [len(part.inbound_nodes) for part in parts]
            try:
                yield
            finally:
                for part, count in zip(parts, counts, strict=True):
                    del part.inbound_nodes[count:]

    @property
    def _is_composed(self) -> bool:
        return type(self).call is not Layer.call

    def compute_output_spec(self, inputs: Any) -> Any:
        """Make the KerasTensors that a call returns.

        Args:
            inputs: a KerasTensor or a structure of them.
        """
        return _tensors(self.compute_output_shape(shapes_of(inputs)), self._output_dtype(inputs))

    def kernel_input_dtypes(self, count: int) -> tuple[KernelDtype, ...]:
        """Name the data type each input array must be converted to.

        Args:
            count: number of inputs.
        """
        return (self.input_dtype,) * count

    def _output_dtype(self, inputs: Any) -> str:
        return "float32"

    # ---- calling

    def __call__(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Apply the layer.

        Args:
            inputs: KerasTensors, or arrays with the batch axis first; a list, tuple or dict where
                the layer takes several.
            training: True asks for what is computed in training, with dropout and statistics of
                the batch. Of KerasTensors, True and False hold whatever the model does later,
                also in `fit` and `predict`; None follows the model.
            mask: must be None.

        Returns:
            KerasTensors for KerasTensors, arrays for arrays.

        Raises:
            ValueError: the inputs do not fit the layer.
            TypeError: the inputs are no real numbers.
        """
        if not training and mask is None:
            outputs = self._fast_plans.run(inputs)
            if outputs is not None:
                return outputs
        if any(leaf is not None for leaf in flatten(mask)):
            raise NotImplementedError(f"Layer '{self.name}' was called with a mask.")
        if training not in (None, True, False):
            raise ValueError(
                f"Layer '{self.name}': `training` must be True, False or None. "
                f"Received: training={training!r}"
            )
        if any_symbolic(inputs):
            return self._connect(inputs, None if training is None else bool(training))
        return self._compute(inputs, bool(training))

    def _connect(self, inputs: Any, training: bool | None) -> Any:
        for leaf in flatten(inputs):
            if not isinstance(leaf, KerasTensor):
                raise ValueError(
                    f"Layer '{self.name}' was called on KerasTensors and arrays together. "
                    f"Received: {leaf!r}"
                )
        shapes = shapes_of(inputs)
        with self.errors_named():
            self.check_inputs(shapes)
            self.build(shapes)
            outputs = self.compute_output_spec(inputs)
        Node(self, inputs, outputs, training)
        return outputs

    def _compute(self, inputs: Any, training: bool) -> Any:
        arrays = self.fit_arrays(self.split_inputs(inputs))
        compiled = self.compiled_for([array.shape for array in arrays], training)
        ready = [kernel_array(*pair) for pair in zip(arrays, compiled.dtypes, strict=True)]
        if not len(ready[0]) and not training:
            return self.pack_outputs(compiled.empty_outputs(0))
        return self.pack_outputs(compiled.plan.run(ready))

    def split_inputs(self, inputs: Any) -> list[Any]:
        """List the arrays that were passed together.

        Args:
            inputs: an array, or a list or tuple of arrays.
        """
        if isinstance(inputs, list | tuple) and any(hasattr(leaf, "shape") for leaf in inputs):
            return list(inputs)
        return [inputs]

    def fit_arrays(self, leaves: list[Any]) -> list[NDArray[Any]]:
        """Check what `split_inputs` found and build the layer if that is still to do.

        Args:
            leaves: array, nested lists or anything NumPy makes an array of, one for each input.

        Returns:
            Arrays of numbers in the shapes the layer takes.

        Raises:
            ValueError: a shape does not fit.
            TypeError: an input holds no real numbers.
        """
        owner = f"layer '{self.name}'"
        arrays = [numeric_array(leaf, owner) for leaf in leaves]
        shapes: list[Shape] = [(None, *array.shape[1:]) for array in arrays]
        with self.errors_named():
            self.check_inputs(shapes if len(shapes) > 1 else shapes[0])
            self.build(shapes if len(shapes) > 1 else shapes[0])
        return arrays

    def pack_outputs(self, outputs: list[NDArray[Any]]) -> Any:
        """Arrange a plan's outputs the way a call returns them.

        Args:
            outputs: one array for each output.
        """
        return outputs[0] if len(outputs) == 1 else outputs

    def compiled_for(self, shapes: list[tuple[int, ...]], training: bool = False) -> Compiled:
        """Compile the layer for arrays of given shapes, or find the plan made before.

        Args:
            shapes: shape of each input, the batch axis included.
            training: whether for what the layer does in training.

        Raises:
            ValueError: the arrays hold different numbers of samples, or samples without elements.
        """
        check_input_count(self.name, shapes)
        with self.errors_named():
            return self._plans.get(self, tuple(shape[1:] for shape in shapes), training)

    def check_inputs(self, shapes: Any) -> None:
        """Refuse inputs whose shapes do not fit the layer.

        Args:
            shapes: the shape of the input, batch axis first, or a structure of shapes.

        Raises:
            ValueError: an input has a wrong number of axes or a wrong size.
        """
        check_input_shapes(self.name, flatten_shapes(shapes), self.input_rank, self.input_axes)

    def unbuild(self) -> None:
        """Drop the layer's own variables, so that it can be built for another input shape."""
        super().unbuild()
        self.input_axes = {}

    @contextmanager
    def errors_named(self) -> Iterator[None]:
        """Add the layer's name to errors about values and types that do not mention it."""
        try:
            yield
        except (ValueError, TypeError) as error:
            if f"'{self.name}'" in str(error) or f'"{self.name}"' in str(error):
                raise
            kind = ValueError if isinstance(error, ValueError) else TypeError
            raise kind(f"Layer '{self.name}': {error}") from error

    # ---- config

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, fit for JSON."""
        return {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": policy_config(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make a layer from what `get_config` returned.

        Args:
            config: constructor arguments.
        """
        return cls(**config)

    def get_build_config(self) -> dict[str, Any] | None:
        """Return what `build_from_config` needs to create the variables, None if nothing."""
        if self.build_shape is None or type(self).build is Layer.build:
            return None
        return {"input_shape": self.build_shape}

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Create the variables from what `get_build_config` returned.

        Args:
            config: {"input_shape": shape}, or None for layers built by the first call.
        """
        if isinstance(config, Mapping) and config.get("input_shape") is not None:
            self.build(as_shapes(config["input_shape"]))

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles of a layer have its weights, but no place in a model and no plans."""
        left_behind = ("_plans", "_fast_plans", "inbound_nodes")
        return {name: value for name, value in vars(self).items() if name not in left_behind}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.inbound_nodes = []
        self._plans = PlanCache()
        self._fast_plans = self._plans.fast

    @property
    def dtype(self) -> str:
        """Data type of the variables."""
        return "float32"

    @property
    def compute_dtype(self) -> str:
        """Data type of the outputs."""
        return "float32"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _tensors(shapes: Any, dtype: str) -> Any:
    if is_shape(shapes):
        return KerasTensor(tuple(shapes), dtype)
    if isinstance(shapes, Mapping):
        return {key: _tensors(shape, dtype) for key, shape in shapes.items()}
    return [_tensors(shape, dtype) for shape in shapes]
