"""The layer: weights, a shape rule, and operations for the compiler."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnfast import constraints, initializers, regularizers
from cnnfast.engine.arrays import kernel_array, numeric_array
from cnnfast.engine.input_checks import check_input_count, check_input_shapes
from cnnfast.engine.layer_arguments import policy_config, policy_name, take_input_shape
from cnnfast.engine.naming import name_scope, to_snake_case, unique_name, validate_name
from cnnfast.engine.node import Node
from cnnfast.engine.plan_cache import Compiled, PlanCache
from cnnfast.engine.structure import Shape, flatten, flatten_shapes, is_shape, map_structure
from cnnfast.engine.tensor import KerasTensor, any_symbolic
from cnnfast.engine.variable import CLOCK, FloatArray, Variable

if TYPE_CHECKING:
    from cnnfast.engine.graph import Graph, Value


class Layer:
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
    input_dtype: ClassVar[str] = "float32"
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
        self._initial_weights = legacy.pop("weights", None)
        if legacy:
            raise TypeError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {legacy}"
            )
        self.dtype_policy = policy_name(dtype)
        self.name = self._automatic_name() if name is None else validate_name(name)
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.built = False
        self.inbound_nodes: list[Node] = []
        self._building = False
        self._build_shape: Any = None
        self._trainable_variables: list[Variable] = []
        self._non_trainable_variables: list[Variable] = []
        self._plans = PlanCache()
        self._fast_plans = self._plans.fast
        self._trainable = _checked_bool(trainable)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _completed(vars(cls)["build"])  # type: ignore[method-assign]

    @classmethod
    def _automatic_name(cls) -> str:
        return unique_name(to_snake_case(cls.__name__))

    # ---- what subclasses provide

    def build(self, input_shape: Any) -> None:
        """Create the variables.

        Args:
            input_shape: batch axis first, None where unknown; a list for several inputs.
        """

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Give the shape of the output.

        Args:
            input_shape: batch axis first, None where unknown; a list for several inputs.

        Returns:
            A shape of the same kind; the input's own unless a subclass says otherwise.
        """
        return input_shape

    def lower(self, graph: Graph, *values: Value) -> Any:
        """Add the layer's operations to a graph.

        Args:
            graph: the graph being put together.
            *values: the inputs, of known shapes without a batch axis.

        Returns:
            The output value, or a list of them.
        """
        raise NotImplementedError(
            f"Layer '{self.name}' of class {type(self).__name__} defines no computation: "
            "write its `lower` method, or compose it of other layers in `call`."
        )

    def compute_output_spec(self, inputs: Any) -> Any:
        """Make the KerasTensors that a call returns.

        Args:
            inputs: a KerasTensor or a structure of them.
        """
        return _tensors(self.compute_output_shape(_shapes_of(inputs)), self._output_dtype(inputs))

    def kernel_input_dtypes(self, count: int) -> tuple[str, ...]:
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
            training: must not be True: calls compute what a trained network predicts.
            mask: must be None.

        Returns:
            KerasTensors for KerasTensors, arrays for arrays.

        Raises:
            ValueError: the inputs do not fit the layer.
            TypeError: the inputs are no real numbers.
        """
        # The whole path of a small model: a look at the array, one dictionary, one plan.
        if type(inputs) is np.ndarray and not training and mask is None:
            shape = inputs.shape
            found = self._fast_plans.get(shape[1:])
            if found is not None and shape[0]:
                run, dtype, time = found
                if time == CLOCK.time and inputs.dtype is dtype and inputs.flags.carray:
                    return run([inputs])[0]
        self._refuse_training_and_masks(training, mask)
        if any_symbolic(inputs):
            return self._connect(inputs)
        return self._compute(inputs)

    def _refuse_training_and_masks(self, training: bool | None, mask: Any) -> None:
        if training:
            raise NotImplementedError(
                f"Layer '{self.name}' was called with training={training!r}; "
                "calls compute inference only."
            )
        if any(leaf is not None for leaf in flatten(mask)):
            raise NotImplementedError(f"Layer '{self.name}' was called with a mask.")

    def _connect(self, inputs: Any) -> Any:
        for leaf in flatten(inputs):
            if not isinstance(leaf, KerasTensor):
                raise ValueError(
                    f"Layer '{self.name}' was called on KerasTensors and arrays together. "
                    f"Received: {leaf!r}"
                )
        shapes = _shapes_of(inputs)
        with self.errors_named():
            self._check_inputs(shapes)
            self.build(shapes)
            outputs = self.compute_output_spec(inputs)
        Node(self, (inputs,), {}, outputs)
        return outputs

    def _compute(self, inputs: Any) -> Any:
        arrays = self._as_arrays(inputs)
        compiled = self.compiled_for([array.shape for array in arrays])
        ready = [kernel_array(*pair) for pair in zip(arrays, compiled.dtypes, strict=True)]
        if not len(ready[0]):
            return self._arrange_outputs(empty_outputs(compiled, 0))
        return self._arrange_outputs(compiled.run(ready))

    def _as_arrays(self, inputs: Any) -> list[NDArray[Any]]:
        """Turn the inputs of a call into arrays, and build the layer if that is still to do."""
        several = isinstance(inputs, list | tuple) and any(hasattr(x, "__array__") for x in inputs)
        leaves = list(inputs) if several else [inputs]
        owner = f"layer '{self.name}'"
        arrays = [numeric_array(leaf, owner) for leaf in leaves]
        shapes: list[Shape] = [(None, *array.shape[1:]) for array in arrays]
        with self.errors_named():
            self._check_inputs(shapes if several else shapes[0])
            self.build(shapes if several else shapes[0])
        return arrays

    def _arrange_outputs(self, outputs: list[NDArray[Any]]) -> Any:
        return outputs[0] if len(outputs) == 1 else outputs

    def compiled_for(self, shapes: list[tuple[int, ...]]) -> Compiled:
        """Compile the layer for arrays of given shapes, or find the plan made before.

        Args:
            shapes: shape of each input, the batch axis included.

        Raises:
            ValueError: the arrays hold different numbers of samples, or samples without elements.
        """
        check_input_count(self.name, shapes)
        with self.errors_named():
            return self._plans.get(self, tuple(shape[1:] for shape in shapes))

    def _check_inputs(self, shapes: Any) -> None:
        check_input_shapes(self.name, flatten_shapes(shapes), self.input_rank, self.input_axes)

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

    # ---- variables

    def add_weight(
        self,
        shape: tuple[int, ...] = (),
        initializer: Any = "glorot_uniform",
        name: str | None = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        dtype: Any = None,
    ) -> Variable:
        """Create a variable.

        Args:
            shape: its shape.
            initializer: gives the first value; a name, config or object.
            name: short name; "variable" if None.
            trainable: whether training changes it.
            regularizer: penalty on its value; a name, config or object.
            constraint: rule its value is brought back to; a name, config or object.
            dtype: "float32" unless it is an integer counter.

        Returns:
            The variable, which the layer keeps.
        """
        dtype = "float32" if dtype is None else np.dtype(dtype).name
        variable = Variable(
            initializers.get(initializer)(tuple(shape), dtype=dtype),
            name or "variable",
            trainable=trainable and self._trainable,
            regularizer=regularizers.get(regularizer),
            constraint=constraints.get(constraint),
            dtype=dtype,
        )
        own = self._trainable_variables if trainable else self._non_trainable_variables
        own.append(variable)
        return variable

    def sublayers(self) -> list[Layer]:
        """List the layers this layer is made of: those among its attributes."""
        found: list[Layer] = []
        for value in vars(self).values():
            leaves = flatten(value) if isinstance(value, list | tuple | dict) else [value]
            found += [leaf for leaf in leaves if isinstance(leaf, Layer)]
        return list(dict.fromkeys(found))

    @property
    def weights(self) -> list[Variable]:
        """All variables: the layer's trainable ones, its others, then those of its sublayers."""
        own = self._trainable_variables + self._non_trainable_variables
        nested = (variable for layer in self.sublayers() for variable in layer.weights)
        return list(dict.fromkeys((*own, *nested)))

    @property
    def variables(self) -> list[Variable]:
        """The same as `weights`."""
        return self.weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """The variables that training changes; none if the layer is frozen."""
        if not self._trainable:
            return []
        return [variable for variable in self.weights if variable.trainable]

    @property
    def trainable_variables(self) -> list[Variable]:
        """The same as `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The variables that training leaves alone."""
        if not self._trainable:
            return self.weights
        return [variable for variable in self.weights if not variable.trainable]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The same as `non_trainable_weights`."""
        return self.non_trainable_weights

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer; setting it reaches all sublayers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = _checked_bool(value)
        for variable in self._trainable_variables:
            variable.trainable = self._trainable
        for layer in self.sublayers():
            layer.trainable = self._trainable

    @property
    def losses(self) -> list[Any]:
        """Penalties of the regularized weights, one number each."""
        return [
            variable.regularizer(variable.value)
            for variable in self.trainable_weights
            if variable.regularizer is not None
        ]

    def get_weights(self) -> list[FloatArray]:
        """Return copies of all variables, in the order of `weights`."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: list[ArrayLike]) -> None:
        """Replace all variables.

        Args:
            weights: one array for each of `weights`, of the same shapes.

        Raises:
            ValueError: the number of arrays or a shape differs; nothing has been changed.
        """
        variables = self.weights
        arrays = [np.asarray(value) for value in weights]
        if len(arrays) != len(variables):
            raise ValueError(
                f"Layer '{self.name}' has {len(variables)} weights, "
                f"but `set_weights` received {len(arrays)} arrays."
            )
        for variable, array in zip(variables, arrays, strict=True):
            if variable.shape != array.shape:
                raise ValueError(
                    f"Layer '{self.name}': weight '{variable.path}' has shape {variable.shape}, "
                    f"but `set_weights` received an array of shape {array.shape}."
                )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)

    def count_params(self) -> int:
        """Count the elements of all variables.

        Raises:
            ValueError: the layer has not been built and so has no variables yet.
        """
        if not self.built:
            raise ValueError(
                f"`count_params` needs the variables of layer '{self.name}', which is not built "
                "yet. Call it on data, or call `build(input_shape)`."
            )
        return sum(variable.size for variable in self.weights)

    def unbuild(self) -> None:
        """Drop all variables, so that the layer can be built for another input shape."""
        self.built = False
        self._build_shape = None
        self._trainable_variables.clear()
        self._non_trainable_variables.clear()
        self._plans.clear()
        for layer in self.sublayers():
            layer.unbuild()

    # ---- place in a model

    @property
    def input(self) -> Any:
        """The KerasTensors the layer was first called on."""
        return self._first_node("input").args[0]

    @property
    def output(self) -> Any:
        """The KerasTensors the layer first returned."""
        return self._first_node("output").output_structure

    @property
    def input_shape(self) -> Any:
        """Shape of `input`; a structure of shapes for several tensors."""
        return self._only_shape("input", [_shapes_of(node.args[0]) for node in self.inbound_nodes])

    @property
    def output_shape(self) -> Any:
        """Shape of `output`; a structure of shapes for several tensors."""
        structures = [node.output_structure for node in self.inbound_nodes]
        return self._only_shape("output", [_shapes_of(structure) for structure in structures])

    def _first_node(self, what: str) -> Node:
        if not self.inbound_nodes:
            raise AttributeError(
                f"The layer '{self.name}' has never been called and thus has no defined {what}."
            )
        return self.inbound_nodes[0]

    def _only_shape(self, what: str, shapes: list[Any]) -> Any:
        self._first_node(f"{what} shape")
        if any(shape != shapes[0] for shape in shapes):
            raise AttributeError(
                f"The layer '{self.name}' has been called {len(shapes)} times, on different "
                f"shapes, and has no single {what} shape. They are: {shapes}"
            )
        return shapes[0]

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
        if self._build_shape is None or type(self).build is Layer.build:
            return None
        return {"input_shape": self._build_shape}

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Create the variables from what `get_build_config` returned.

        Args:
            config: {"input_shape": shape}, or None for layers built by the first call.
        """
        if config and config.get("input_shape") is not None:
            self.build(_as_shapes(config["input_shape"]))

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


def _completed(build: Callable[..., None]) -> Callable[..., None]:
    """Let a layer's `build` run once, under the layer's name, and completely or not at all."""

    @functools.wraps(build)
    def wrapper(self: Layer, input_shape: Any = None) -> None:
        if self._building:
            build(self, input_shape)
            return
        if self.built:
            return
        self._building = True
        try:
            with name_scope(self.name):
                build(self, input_shape)
            self._build_shape = input_shape
            self.built = True
            _set_initial_weights(self)
        except BaseException:
            self.unbuild()
            raise
        finally:
            self._building = False

    return wrapper


Layer.build = _completed(Layer.build)  # type: ignore[method-assign]


def _set_initial_weights(layer: Layer) -> None:
    if layer._initial_weights is not None:
        layer.set_weights(layer._initial_weights)
        layer._initial_weights = None


def empty_outputs(compiled: Compiled, samples: int) -> list[NDArray[Any]]:
    """Allocate the arrays a plan fills.

    Args:
        compiled: the plan.
        samples: length of the batch axis.
    """
    pairs = zip(compiled.output_shapes, compiled.output_dtypes, strict=True)
    return [np.empty((samples, *shape), dtype) for shape, dtype in pairs]


def _shapes_of(tensors: Any) -> Any:
    return map_structure(lambda tensor: tensor.shape, tensors)


def _as_shapes(shapes: Any) -> Any:
    """Turn the lists of a JSON file back into tuples."""
    if is_shape(shapes):
        return tuple(shapes)
    if isinstance(shapes, Mapping):
        return {key: _as_shapes(shape) for key, shape in shapes.items()}
    return [_as_shapes(shape) for shape in shapes]


def _tensors(shapes: Any, dtype: str) -> Any:
    if is_shape(shapes):
        return KerasTensor(tuple(shapes), dtype)
    if isinstance(shapes, Mapping):
        return {key: _tensors(shape, dtype) for key, shape in shapes.items()}
    return [_tensors(shape, dtype) for shape in shapes]


def _checked_bool(value: Any) -> bool:
    if value not in (True, False):
        raise ValueError(f"`trainable` must be True or False. Received: trainable={value!r}")
    return bool(value)
