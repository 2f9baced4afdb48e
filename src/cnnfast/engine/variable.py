"""Weights: arrays that know their name and tell the compiled plans when they change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from cnnfast.clock import CLOCK
from cnnfast.engine.naming import scoped_path

FloatArray = NDArray[np.float32]

# Held while a value takes the place of another, for a moment: an `assign` in one Python thread
# must not be undone by the first value that another thread has just made.
_REPLACING = threading.Lock()


class Promise(NamedTuple):
    """A value that is made once somebody reads it: most are replaced before.

    Attributes:
        shape: of the value.
        make: returns it, a new array, the same whenever it is called.
    """

    shape: tuple[int, ...]
    make: Callable[[], NDArray[Any]]


def epoch() -> int:
    """Return the number of times a variable was created or changed since the process began."""
    return CLOCK.time


class Variable:
    """A named weight of a layer.

    Args:
        value: initial value, converted to `dtype` and copied; or a promise of it, which takes no
            memory until the value is read.
        name: short name, "kernel".
        path: full name, "sequential/dense/kernel"; by default made of the names of the layer and
            models being built.
        trainable: whether training changes the variable.
        regularizer: callable giving a penalty for the value, or None.
        constraint: callable giving the nearest allowed value, or None.
        dtype: "float32" for all weights; counters may be integers.
    """

    def __init__(
        self,
        value: ArrayLike | Promise,
        name: str = "variable",
        path: str | None = None,
        trainable: bool = True,
        regularizer: Callable[[Any], Any] | None = None,
        constraint: Callable[[Any], Any] | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.name = name
        self.path = scoped_path(name) if path is None else path
        self._trainable = bool(trainable)
        self.regularizer = regularizer
        self.constraint = constraint
        self.version = 0
        # One attribute, so that a reader in another thread sees either, and never in between.
        self._value = value if isinstance(value, Promise) else _frozen_copy(value, dtype)
        self._shape = self._value.shape
        self._dtype = np.dtype(dtype)
        self._refresh: Callable[[], None] | None = None
        CLOCK.time += 1

    @property
    def value(self) -> FloatArray:
        """The current value as a read-only array; a later `assign` does not change it."""
        if self._refresh is not None:
            self._refresh()
        value = self._value
        return self._keep(value) if isinstance(value, Promise) else value

    def _keep(self, promise: Promise) -> FloatArray:
        """Make what was promised, and keep it unless another value was assigned meanwhile."""
        made = _frozen(promise.make(), self._dtype)
        with _REPLACING:
            if self._value is promise:
                self._value = made
        return self.value

    @property
    def held(self) -> FloatArray | None:
        """The array that the variable keeps in memory, None if there is none."""
        return None if isinstance(self._value, Promise) else self._value

    def let_go(self, value: FloatArray, make: Callable[[], FloatArray]) -> None:
        """Keep a promise in place of the value, unless another one was assigned meanwhile.

        Args:
            value: `held` a moment ago.
            make: returns an array of the same numbers.
        """
        with _REPLACING:
            if self._value is value:
                self._value = Promise(self._shape, make)

    @property
    def trainable(self) -> bool:
        """Whether training changes the variable; heeded by the next `compile`."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if value not in (True, False):
            raise ValueError(
                f"`trainable` of variable '{self.path}' must be True or False. Received: {value!r}"
            )
        self._trainable = bool(value)
        CLOCK.freeze()

    @property
    def shape(self) -> tuple[int, ...]:
        """Size along every axis."""
        return self._shape

    @property
    def dtype(self) -> str:
        """Name of the data type."""
        return self._dtype.name

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self._shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self._shape)

    def numpy(self) -> FloatArray:
        """Return a copy of the value."""
        return self.value.copy()

    def assign(self, value: ArrayLike) -> Variable:
        """Replace the value.

        Args:
            value: array of the same shape, or a Variable; converted to the variable's data type.

        Returns:
            The variable itself.

        Raises:
            ValueError: the shape differs; the variable keeps its value.
        """
        self._replace(_frozen_copy(value, self._dtype))
        return self

    def adopt(self, value: NDArray[Any]) -> None:
        """Replace the value by an array that nobody else holds; it is not copied if it fits.

        Args:
            value: array of the same shape; it can no longer be written to.

        Raises:
            ValueError: the shape differs; the variable keeps its value.
        """
        self._replace(_frozen(value, self._dtype))

    def _replace(self, fresh: FloatArray) -> None:
        if fresh.shape != self.shape:
            raise ValueError(
                f"The shape of the new value does not match variable '{self.path}'. "
                f"Expected: {self.shape}. Received: {fresh.shape}"
            )
        # The value first: whoever sees the new time must also see the new value.
        with _REPLACING:
            self._value = fresh
        self._refresh = None
        self.version += 1
        CLOCK.time += 1

    # ---- while training keeps the value elsewhere

    @property
    def is_behind(self) -> bool:
        """Whether training has changed the value since it was last read."""
        return self._refresh is not None

    def follow(self, refresh: Callable[[], None]) -> None:
        """Note that the value has changed elsewhere.

        Args:
            refresh: called when the value is read; it calls `catch_up`.
        """
        self._refresh = refresh
        self.version += 1
        CLOCK.time += 1

    def catch_up(self, value: ArrayLike) -> None:
        """Take over the value that `follow` announced.

        Args:
            value: array of the same shape.
        """
        self._value = _frozen_copy(value, self._dtype)
        self._refresh = None

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.value, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError(f"variable '{self.path}' is a single number, which has no length")
        return self._shape[0]

    def __getitem__(self, key: Any) -> Any:
        return self.value[key]

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_value": self.value, "_refresh": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._value = _frozen(state["_value"], self._dtype)

    def __repr__(self) -> str:
        return (
            f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, "
            f"value={np.array2string(self.value)}>"
        )


def _frozen_copy(value: ArrayLike, dtype: DTypeLike) -> FloatArray:
    return _frozen(np.array(value, dtype=dtype, order="C"), dtype)


def _frozen(array: NDArray[Any], dtype: DTypeLike) -> FloatArray:
    """Make an array read-only; it is copied only where its type or layout is another."""
    fitting: FloatArray = np.asarray(array, dtype=dtype, order="C")
    fitting.flags.writeable = False
    return fitting
