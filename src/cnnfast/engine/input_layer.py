"""Where data enters a model."""

from __future__ import annotations

from typing import Any

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.layer_arguments import policy_name, standardize_shape, take_input_shape
from cnnfast.engine.node import Node
from cnnfast.engine.structure import Shape
from cnnfast.engine.tensor import KerasTensor


class InputLayer(Layer):
    """The layer that stands for an input of a model. `Input` makes one and returns its tensor.

    Args:
        shape: shape of one sample; None for sizes known only at run time.
        batch_size: number of samples, None if any.
        dtype: data type of the data; "float32" if None.
        sparse: kept in the config.
        ragged: kept in the config.
        batch_shape: shape with the batch axis, instead of `shape` and `batch_size`.
        input_tensor: a KerasTensor that gives shape and data type, instead of `shape`.
        optional: kept in the config.
        name: made up if None.
        **legacy: `input_shape`, `batch_input_shape` of older configs.

    Raises:
        ValueError: no shape or two were given.
        TypeError: `input_tensor` is no KerasTensor.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **legacy: Any,
    ) -> None:
        declared = take_input_shape(legacy)
        super().__init__(name=name, **legacy)
        self.batch_shape = _full_shape(shape, batch_size, batch_shape, declared, input_tensor)
        self.input_dtype_name = _input_dtype(dtype, input_tensor)
        self.sparse = bool(sparse)
        self.ragged = bool(ragged)
        self.optional = bool(optional)
        self.build(None)
        # A tensor that another layer makes keeps that origin; the input only looks like it.
        is_free = input_tensor is not None and input_tensor.history is None
        tensor = input_tensor if is_free else self._fresh_tensor()
        Node(self, [], tensor)

    def _fresh_tensor(self) -> KerasTensor:
        return KerasTensor(
            self.batch_shape, self.input_dtype_name, self.name, self.sparse, self.ragged
        )

    @property
    def dtype(self) -> str:
        """Data type of the data."""
        return self.input_dtype_name

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, fit for JSON."""
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.input_dtype_name,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "name": self.name,
            "optional": self.optional,
        }

    @property
    def input(self) -> KerasTensor:
        """The tensor that enters the model."""
        tensor: KerasTensor = self.output
        return tensor


def Input(  # noqa: N802 - the name users know
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """Start a model.

    Args:
        shape: shape of one sample, such as (28, 28, 1); None for sizes known only at run time.
        batch_size: number of samples, None if any.
        dtype: data type of the data; "float32" if None.
        sparse: kept in the config.
        ragged: kept in the config.
        batch_shape: shape with the batch axis, instead of `shape` and `batch_size`.
        name: made up if None.
        tensor: a KerasTensor that gives shape and data type, instead of `shape`.
        optional: kept in the config.

    Returns:
        A KerasTensor to call layers on.

    Raises:
        ValueError: no shape or two were given.
    """
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        input_tensor=tensor,
        optional=optional,
        name=name,
    )
    return layer.input


def _full_shape(
    shape: Any, batch_size: int | None, batch_shape: Any, declared: Shape | None, tensor: Any
) -> Shape:
    if tensor is not None:
        if not isinstance(tensor, KerasTensor):
            raise TypeError(
                f"`tensor` must be a KerasTensor. Received: tensor={tensor!r} "
                f"(of type {type(tensor).__name__})"
            )
        return tensor.shape
    if shape is not None and batch_shape is not None:
        raise ValueError(
            "Pass `shape` or `batch_shape`, not both. "
            f"Received: shape={shape!r}, batch_shape={batch_shape!r}"
        )
    if batch_shape is not None:
        return standardize_shape(batch_shape)
    if shape is not None:
        return (*standardize_shape((batch_size,)), *standardize_shape(shape))
    if declared is not None:
        return declared
    raise ValueError("An input needs a `shape` (of one sample) or a `batch_shape`.")


def _input_dtype(dtype: Any, tensor: KerasTensor | None) -> str:
    if tensor is not None and dtype is None:
        return tensor.dtype
    return policy_name(dtype)
