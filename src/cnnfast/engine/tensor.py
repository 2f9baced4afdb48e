"""Symbolic tensors: what layers pass to each other while a model is put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Never

from cnnfast.engine.structure import Shape, flatten
from cnnfast.names import unique_name

if TYPE_CHECKING:
    from cnnfast.engine.node import History


class KerasTensor:
    """The place of an array in a model: its shape and data type, but no values.

    Args:
        shape: batch axis first; None for sizes that are known only when the model runs.
        dtype: name of the data type.
        name: made up if None.
        sparse: kept for Keras files; arrays are always dense here.
        ragged: kept for Keras files; arrays are never ragged here.
    """

    def __init__(
        self,
        shape: Shape,
        dtype: str = "float32",
        name: str | None = None,
        sparse: bool = False,
        ragged: bool = False,
    ) -> None:
        self.shape: Shape = tuple(shape)
        self.dtype = dtype
        self.name = unique_name("keras_tensor") if name is None else name
        self.sparse = sparse
        self.ragged = ragged
        self.history: History | None = None

    @property
    def _keras_history(self) -> History | None:
        return self.history

    @property
    def ndim(self) -> int:
        """Number of axes, the batch axis included."""
        return len(self.shape)

    def __repr__(self) -> str:
        return (
            f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse={self.sparse}, "
            f"ragged={self.ragged}, name={self.name}>"
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Never:
        raise ValueError(
            f"A KerasTensor has no values and cannot become an array: {self!r}. "
            "Make a model of it, `Model(inputs, outputs)`, and call that on arrays."
        )

    def __bool__(self) -> Never:
        raise TypeError(f"A KerasTensor has no values and is neither true nor false: {self!r}")

    def __iter__(self) -> Never:
        raise TypeError(f"A KerasTensor has no values to iterate over: {self!r}")


def any_symbolic(structure: Any) -> bool:
    """Tell whether a structure contains a KerasTensor.

    Args:
        structure: nested lists, tuples and dicts of anything.
    """
    if isinstance(structure, list | tuple | dict):
        return any(isinstance(leaf, KerasTensor) for leaf in flatten(structure))
    return isinstance(structure, KerasTensor)
