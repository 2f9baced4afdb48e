"""The state of an optimizer: what it is made of, and its way to files and back."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.ops.geometry import received
from cnnfast.state import StateVariable

# Names and first values of the arrays kept for each weight. The arrays of a group stand side by
# side for each weight in `variables`; groups come one after the other.
Groups = tuple[tuple[tuple[str, float], ...], ...]


class OptimizerState:
    """Arrays that belong to weights, in the order in which Keras keeps them.

    The number of steps comes first, then the learning rate if it is a number, the moving averages
    of the weights, accumulated gradients, and what the rule needs.
    """

    name: str
    use_ema: bool
    gradient_accumulation_steps: int | None
    _iterations: StateVariable
    _rate: Any

    def __init__(self) -> None:
        self.built = False
        self._excluded: tuple[set[int], str | None] = (set(), None)
        self._state: list[StateVariable] = []
        self._shapes: list[tuple[int, ...]] = []
        self._decays: list[bool] = []
        self.averages: list[StateVariable] = []
        self.accumulators: list[StateVariable] = []
        self.arrays: list[list[StateVariable]] = []
        self.scalar_values: list[StateVariable] = []

    def slots(self) -> Groups:
        """Name the arrays kept for each weight, in the order that the rule takes them in."""
        return ()

    def scalars(self) -> tuple[tuple[str, float], ...]:
        """Name the numbers kept for all weights together, with their first values."""
        return ()

    @property
    def variables(self) -> list[StateVariable]:
        """All that is remembered, in Keras's order."""
        rate = [self._rate] if isinstance(self._rate, StateVariable) else []
        return [self._iterations, *rate, *self._state]

    def build(self, variables: Iterable[Any]) -> None:
        """Make the state for some weights, once.

        Args:
            variables: the weights, or anything with a shape and a path or name.
        """
        if self.built:
            return
        weights = list(variables)
        paths = [str(getattr(w, "path", getattr(w, "name", "variable"))) for w in weights]
        self._shapes = [tuple(w.shape) for w in weights]
        self._decays = [self._is_decaying(w) for w in weights]
        if self.use_ema:
            self.averages = self._add_group((("average", 0.0),), paths)[0]
        if self.gradient_accumulation_steps:
            self.accumulators = self._add_group((("gradient_accumulator", 0.0),), paths)[0]
        self.arrays = [array for group in self.slots() for array in self._add_group(group, paths)]
        self.scalar_values = [
            StateVariable(value, name, self.name) for name, value in self.scalars()
        ]
        self._state += self.scalar_values
        self.built = True

    def _add_group(
        self, group: tuple[tuple[str, float], ...], paths: Sequence[str]
    ) -> list[list[StateVariable]]:
        """Make arrays for all weights; the result is by array, `variables` by weight."""
        made = [
            [
                StateVariable(filled(shape, value), f"{path.replace('/', '_')}_{name}", self.name)
                for name, value in group
            ]
            for path, shape in zip(paths, self._shapes, strict=True)
        ]
        self._state += [array for arrays in made for array in arrays]
        return [[arrays[k] for arrays in made] for k in range(len(group))]

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] = (), var_names: Iterable[str] = ()
    ) -> None:
        """Let some weights keep their size; before the optimizer is built.

        Args:
            var_list: those weights.
            var_names: patterns, one of which is found in their names.

        Raises:
            ValueError: the optimizer is built already.
        """
        if self.built:
            raise ValueError("`exclude_from_weight_decay` must be called before `build`.")
        self._excluded = ({id(v) for v in var_list or ()}, "|".join(var_names or ()) or None)

    def _is_decaying(self, variable: Any) -> bool:
        identities, pattern = self._excluded
        name = str(getattr(variable, "name", ""))
        return id(variable) not in identities and not (pattern and re.search(pattern, name))

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace the state.

        Args:
            weights: arrays, as `get_weights` gives them.

        Raises:
            ValueError: the optimizer is not built, or their number or a shape differs.
        """
        if not self.built:
            raise ValueError("`set_weights` needs an optimizer that is built.")
        self._check_state(weights)
        for variable, weight in zip(self.variables, weights, strict=True):
            variable.assign(weight)

    def get_weights(self) -> list[NDArray[Any]]:
        """Return copies of the state, in the order of `variables`."""
        return [variable.numpy() for variable in self.variables]

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Write the state to a store by "0", "1" and so on, as Keras does."""
        for place, variable in enumerate(self.variables):
            store[str(place)] = variable.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read the state from a store; one of another number of arrays is skipped with a warning.

        Args:
            store: arrays by "0", "1" and so on.

        Raises:
            ValueError: a shape differs; the state is as before.
        """
        if len(store) != len(self.variables):
            warnings.warn(
                f"Skipping the state of optimizer '{self.name}': it has {len(self.variables)} "
                f"variables, the stored one {len(store)}.",
                stacklevel=2,
            )
            return
        values = [np.asarray(store[str(place)]) for place in range(len(store))]
        self._check_state(values)
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)

    def _check_state(self, values: Sequence[Any]) -> None:
        expected = [variable.shape for variable in self.variables]
        shapes = [np.shape(value) for value in values]
        if shapes != expected:
            raise received(self.name, f"the state must have shapes {expected}", "shapes", shapes)


def filled(shape: tuple[int, ...], value: float) -> NDArray[np.float32]:
    """Make an array; zeros take no memory before they are written to."""
    return np.full(shape, value, np.float32) if value else np.zeros(shape, np.float32)
