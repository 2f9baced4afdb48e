"""What owns variables: their creation, order, counting, freezing and exchange."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnfast import constraints, regularizers
from cnnfast.clock import CLOCK
from cnnfast.engine.allocation import initial_value
from cnnfast.engine.naming import name_scope
from cnnfast.engine.plan_cache import PlanCache
from cnnfast.engine.structure import flatten
from cnnfast.engine.variable import FloatArray, Variable


class VariableOwner:
    """Keeps the variables of a layer and those of the layers it is made of.

    Args:
        name: the layer's name.
        trainable: whether training changes the variables.
        initial_weights: values for all variables, to set once they exist; None for those of the
            initializers.
    """

    def __init__(self, name: str, trainable: bool, initial_weights: Any = None) -> None:
        self.name = name
        self.built = False
        self.build_shape: Any = None
        self._building = False
        self._initial_weights = initial_weights
        self._trainable = _checked_bool(trainable)
        self._trainable_variables: list[Variable] = []
        self._non_trainable_variables: list[Variable] = []
        self._plans = PlanCache()
        self._fast_plans = self._plans.fast

    # ---- building

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _completed(vars(cls)["build"])  # type: ignore[method-assign]

    def build(self, input_shape: Any) -> None:
        """Create the variables.

        Args:
            input_shape: batch axis first, None where unknown; a list for several inputs.
        """
        raise NotImplementedError

    def run_build(self, build: Callable[[Any], None], input_shape: Any) -> None:
        """Run `build` once, under the layer's name, and completely or not at all.

        Args:
            build: the method of the class, or of a base class that it calls.
            input_shape: see `build`.
        """
        if self._building:
            build(input_shape)
        elif not self.built:
            self._building = True
            unbuilt = unbuilt_layers(self.sublayers())
            try:
                with name_scope(self.name):
                    build(input_shape)
                self._finish_build(input_shape)
            except BaseException:
                for layer in (self, *unbuilt):
                    layer.unbuild()
                raise
            finally:
                self._building = False

    def _finish_build(self, input_shape: Any) -> None:
        if self._initial_weights is not None:
            self.set_weights(self._initial_weights)
            self._initial_weights = None
        self.build_shape = input_shape
        self.built = True

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
            initial_value(initializer, tuple(shape), dtype),
            name or "variable",
            trainable=trainable and self._trainable,
            regularizer=regularizers.get(regularizer),
            constraint=constraints.get(constraint),
            dtype=dtype,
        )
        own = self._trainable_variables if trainable else self._non_trainable_variables
        own.append(variable)
        return variable

    def sublayers(self) -> list[VariableOwner]:
        """List the layers this layer is made of: those among its attributes."""
        found: list[VariableOwner] = []
        for value in vars(self).values():
            leaves = flatten(value) if isinstance(value, list | tuple | dict) else [value]
            found += [leaf for leaf in leaves if isinstance(leaf, VariableOwner)]
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
        CLOCK.freeze()
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
        """Drop the layer's own variables, so that it can be built for another input shape."""
        self.built = False
        self.build_shape = None
        self._trainable_variables.clear()
        self._non_trainable_variables.clear()
        self._plans.clear()


def _checked_bool(value: Any) -> bool:
    if value not in (True, False):
        raise ValueError(f"`trainable` must be True or False. Received: trainable={value!r}")
    return bool(value)


def _completed(build: Callable[..., None]) -> Callable[..., None]:
    """Let a layer's `build` run through `run_build`."""

    @functools.wraps(build)
    def wrapper(self: VariableOwner, input_shape: Any = None) -> None:
        self.run_build(functools.partial(build, self), input_shape)

    return wrapper


def unbuilt_layers(layers: Iterable[VariableOwner]) -> list[VariableOwner]:
    """List the layers that have no variables yet, and those inside others.

    Args:
        layers: where to look.
    """
    found: list[VariableOwner] = []
    for layer in layers:
        found += [] if layer.built else [layer]
        found += unbuilt_layers(layer.sublayers())
    return found
