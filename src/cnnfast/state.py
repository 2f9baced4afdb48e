"""What optimizers and metrics remember: named arrays that are changed in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import ArrayLike, DTypeLike, NDArray


class StateVariable(NDArrayOperatorsMixin):
    """A named array, or a named number, of an optimizer or a metric.

    It calculates like the array it holds. `assign` writes into that array: updates that were
    prepared with it stay valid.

    Args:
        value: the first value; an array of that dtype becomes the variable's own.
        name: short name, "dense_kernel_momentum".
        owner: name of the optimizer or metric, which the path begins with.
        dtype: of the elements.
    """

    def __init__(
        self, value: ArrayLike, name: str, owner: str, dtype: DTypeLike = np.float32
    ) -> None:
        self.name = name
        self.path = f"{owner}/{name}"
        self._array: NDArray[Any] = np.asarray(value, dtype, order="C")
        self._refresh: Callable[[], None] | None = None

    @property
    def array(self) -> NDArray[Any]:
        """The array itself, which may be written to until the next step."""
        if self._refresh is not None:
            refresh, self._refresh = self._refresh, None
            refresh()
        return self._array

    def follow(self, refresh: Callable[[], None]) -> None:
        """Note that parts of the array wait for changes.

        Args:
            refresh: called before anybody looks at the array.
        """
        self._refresh = refresh

    @property
    def value(self) -> NDArray[Any]:
        """The current value, as a view that cannot be written to."""
        view = self.array.view()
        view.flags.writeable = False
        return view

    @property
    def shape(self) -> tuple[int, ...]:
        """Size along every axis."""
        return self._array.shape

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._array.size

    @property
    def dtype(self) -> str:
        """Name of the data type."""
        return self._array.dtype.name

    def numpy(self) -> NDArray[Any]:
        """Return a copy of the value."""
        return self.array.copy()

    def assign(self, value: ArrayLike) -> StateVariable:
        """Replace the value.

        Args:
            value: array of the same shape, converted to the variable's data type.

        Returns:
            The variable itself.

        Raises:
            ValueError: the shape differs; the variable keeps its value.
        """
        fresh = np.asarray(value)
        if fresh.shape != self.shape:
            raise ValueError(
                f"The shape of the new value does not match variable '{self.path}'. "
                f"Expected: {self.shape}. Received: {fresh.shape}"
            )
        self.array[...] = fresh
        return self

    def adopt(self, value: NDArray[Any]) -> None:
        """Replace the value by an array that nobody else holds; see `assign`."""
        self.assign(value)

    def assign_add(self, value: ArrayLike) -> StateVariable:
        """Add to the value."""
        return self.assign(self.array + value)

    def assign_sub(self, value: ArrayLike) -> StateVariable:
        """Subtract from the value."""
        return self.assign(self.array - value)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_array": self.array, "_refresh": None}

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.array, dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [i.value if isinstance(i, StateVariable) else i for i in inputs]
        return getattr(ufunc, method)(*plain, **options)

    def __float__(self) -> float:
        return float(self.array)

    def __int__(self) -> int:
        return int(self.array)

    def __index__(self) -> int:
        return self.array.__index__()

    def __bool__(self) -> bool:
        return bool(self.array)

    def __format__(self, specification: str) -> str:
        return format(self.array.item() if self.array.ndim == 0 else self.array, specification)

    def __repr__(self) -> str:
        return (
            f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, "
            f"value={np.array2string(self.array)}>"
        )
