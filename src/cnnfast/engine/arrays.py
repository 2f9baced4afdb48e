"""Arrays as the kernels take them: C-contiguous, aligned, float32 or int32."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

KernelDtype: TypeAlias = Literal["float32", "int32"]

FLOAT32: Final = np.dtype(np.float32)
INT32: Final = np.dtype(np.int32)

_INT32_RANGE: Final = np.iinfo(np.int32)
_NUMERIC_KINDS: Final = "fiub"


def numeric_array(data: Any, owner: str) -> NDArray[Any]:
    """Turn what a user passed into an array of real numbers.

    Args:
        data: array, nested lists or anything NumPy makes an array of.
        owner: names the layer or model in errors, "layer 'dense'".

    Returns:
        A plain ndarray of floats, integers or booleans, of any byte order and layout. It is a
        view wherever NumPy can give one.

    Raises:
        TypeError: the elements are no real numbers.
    """
    array = np.asarray(data)
    if array.dtype.kind not in _NUMERIC_KINDS:
        raise TypeError(
            f"Input of {owner} must be an array of real numbers. "
            f"Received an array of dtype {array.dtype} made from {type(data).__name__}."
        )
    return array


def kernel_array(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert an array to the data type and layout that kernels read.

    Args:
        array: an array of real numbers.
        dtype: FLOAT32, or INT32 for the ids of an embedding.

    Returns:
        The array itself where it already fits, otherwise a converted copy.
    """
    if array.dtype == dtype and array.flags.carray:
        return array
    if dtype == INT32 and array.dtype.kind in "iu" and array.dtype.itemsize >= 4:
        # Ids beyond 32 bits must stay outside every table instead of wrapping around into one.
        array = np.clip(array, _INT32_RANGE.min, _INT32_RANGE.max)
    # Too large for the new type becomes inf or an id outside the table, as in Keras.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.require(array, dtype, ("C", "A"))


def cast_to_declared(array: NDArray[Any], declared: str) -> NDArray[Any]:
    """Round numbers to the data type an `Input` was declared with.

    Args:
        array: an array of real numbers.
        declared: data type of the input, "uint8"; only integer types and booleans change values.

    Returns:
        The array itself, or a copy without fractions.
    """
    dtype = np.dtype(declared) if declared != "bfloat16" else FLOAT32
    if dtype.kind in "iub" and array.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            return array.astype(dtype)
    return array
