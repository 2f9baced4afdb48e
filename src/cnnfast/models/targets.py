"""Arrays that a user wants filled with predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.engine.structure import flatten
from cnnfast.models.mapped import release_mapped_rows

if TYPE_CHECKING:
    from cnnfast.engine.plan_cache import Compiled
    from cnnfast.models.samples import Samples


def checked_targets(
    out: Any, compiled: Compiled, count: int, samples: Samples
) -> list[NDArray[Any]]:
    """Check the `out` argument of `predict`.

    Args:
        out: an array, or a list, tuple or dict of arrays.
        compiled: the plan that will fill them.
        count: number of samples.
        samples: the data, which must not share memory with the arrays.

    Returns:
        One array for each output.

    Raises:
        TypeError: something is no array, or an array of another data type.
        ValueError: the number or shape of arrays does not fit, they cannot be written, or they
            are part of the data.
    """
    targets = flatten(out)
    if len(targets) != len(compiled.output_shapes):
        raise ValueError(
            f"`out` must hold {len(compiled.output_shapes)} arrays, one for each output. "
            f"Received: {len(targets)}"
        )
    wanted = zip(targets, compiled.output_shapes, compiled.output_dtypes, strict=True)
    for target, shape, dtype in wanted:
        _check_target(target, (count, *shape), dtype)
        if any(_share_memory(target, array) for array in samples.arrays):
            raise ValueError("`out` must not share memory with the data it is computed from.")
    return targets


def _check_target(target: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if not isinstance(target, np.ndarray):
        raise TypeError(f"`out` must be a NumPy array. Received: {type(target).__name__}")
    if target.dtype != dtype:
        raise TypeError(f"`out` must have dtype {dtype}. Received: an array of {target.dtype}")
    if target.shape != shape:
        raise ValueError(f"`out` must have the shape {shape}. Received: {target.shape}")
    if not target.flags.writeable:
        raise ValueError("`out` must be writable. Received: a read-only array")


def _share_memory(target: NDArray[Any], array: Any) -> bool:
    return isinstance(array, np.ndarray) and np.may_share_memory(target, array)


def release_rows(targets: list[NDArray[Any]], start: int, stop: int) -> None:
    """Let go of the memory of rows that are filled, where it is a mapped file's.

    Args:
        targets: the arrays being filled.
        start: first row.
        stop: row after the last.
    """
    for target in targets:
        release_mapped_rows(target, start, stop)
