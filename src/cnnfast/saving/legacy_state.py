"""The state of optimizers as Keras stored it before 2.11: array by array, for all weights each.

Keras of TensorFlow 2 gave each array a name that ends in what it is, ".../kernel/m:0". Standalone
Keras numbered them, and had a fixed order: the number of steps, which some optimizers lacked, and
the arrays of each kind in turn. Before 2.2 it sorted weights by names that are not in the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cnnfast.saving.hdf5 import Dataset
from cnnfast.saving.transfer import AS_STORED, LayerTransfer, pair

# By class: our names of the arrays, in standalone Keras's order, and TensorFlow's names of them.
# Nadam is missing: its third array has another meaning today.
_NAMES: Final[dict[str, dict[str, str]]] = {
    "Adadelta": {"accumulated_grad": "accum_grad", "accumulated_delta_var": "accum_var"},
    "Adagrad": {"accumulator": "accumulator"},
    "Adam": {"momentum": "m", "velocity": "v", "velocity_hat": "vhat"},
    "Adamax": {"momentum": "m", "norm": "v"},
    "Ftrl": {"accumulator": "accumulator", "linear": "linear"},
    "RMSprop": {"velocity": "rms", "momentum": "momentum", "average_gradient": "mg"},
    "SGD": {"momentum": "momentum"},
}
_STEPS: Final = "iter"


def pair_named(
    optimizer: Any, names: Sequence[str], datasets: Sequence[Dataset]
) -> LayerTransfer | None:
    """Match the state of an optimizer with arrays whose names end in what they are.

    Args:
        optimizer: Built.
        names: Of the arrays.
        datasets: The arrays.

    Returns:
        The transfers; None if the names are others or shapes do not fit.
    """
    kinds = [name.rpartition("/")[2].partition(":")[0] for name in names]
    known = _NAMES.get(type(optimizer).__name__, {})
    found: dict[str, list[Dataset]] = {}
    for kind, dataset in zip(kinds, datasets, strict=True):
        found.setdefault(kind, []).append(dataset)
    steps = found.pop(_STEPS, [])
    wanted = [known.get(name) for name in _slots(optimizer)]
    if len(steps) != 1 or not found or set(found) != set(wanted):
        return None
    return _paired(optimizer, steps, [found[kind] for kind in wanted if kind is not None])


def pair_ordered(
    optimizer: Any, datasets: Sequence[Dataset], version: str | None
) -> LayerTransfer | None:
    """Match the state of an optimizer with arrays in the order of standalone Keras.

    Args:
        optimizer: Built.
        datasets: The arrays.
        version: Of the Keras that wrote the file.

    Returns:
        The transfers; None if number or shapes are others, or leave the order open.
    """
    name, slots = type(optimizer).__name__, _slots(optimizer)
    if name not in _NAMES or name == "Ftrl" or slots != list(_NAMES[name])[: len(slots)]:
        return None
    steps = [dataset for dataset in datasets[:1] if dataset.shape == ()]
    rest = list(datasets[len(steps) :])
    count = len(optimizer.arrays[0]) if optimizer.arrays else 0
    if name == "Adam" and len(slots) == 2:
        # What stood for the third array where there was none.
        while len(rest) > 2 * count and rest[-1].shape == (1,):
            rest.pop()
    if name == "SGD" and not slots and steps:
        # Standalone Keras kept a last step even where nothing used it.
        return pair(optimizer.name, optimizer.variables[:1], steps, [AS_STORED])
    if not count or len(rest) != count * len(slots):
        return None
    shapes = {tuple(array.shape) for array in optimizer.arrays[0]}
    if _sorts_by_name(version) and len(shapes) < count:
        return None
    groups = [rest[start : start + count] for start in range(0, len(rest), count)]
    return _paired(optimizer, steps, groups)


def _sorts_by_name(version: str | None) -> bool:
    numbers = (version or "").split(".")[:2]
    return len(numbers) < 2 or not all(map(str.isdigit, numbers)) or [*map(int, numbers)] < [2, 2]


def _slots(optimizer: Any) -> list[str]:
    return [name for group in optimizer.slots() for name, _ in group]


def _paired(
    optimizer: Any, steps: list[Dataset], groups: list[list[Dataset]]
) -> LayerTransfer | None:
    if optimizer.averages or optimizer.accumulators:
        return None
    variables = [array for arrays in optimizer.arrays for array in arrays]
    datasets = [dataset for group in groups for dataset in group]
    shapes = [tuple(variable.shape) for variable in variables]
    if [dataset.shape for dataset in datasets] != shapes or any(one.shape for one in steps):
        return None
    counted = [*optimizer.variables[: len(steps)], *variables]
    stored = [*steps, *datasets]
    return pair(optimizer.name, counted, stored, [AS_STORED] * len(stored))
