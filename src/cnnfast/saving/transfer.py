"""Moving arrays from a file into variables: everything is checked and read before one changes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cnnfast.engine.variable import Variable
from cnnfast.saving.hdf5 import Dataset
from cnnfast.state import StateVariable

State = Variable | StateVariable


@dataclass(frozen=True)
class Layout:
    """How a stored array differs from the variable it fills.

    Attributes:
        axes: Order in which the stored axes are taken, None for their own order.
        squeezed: Axis of length one that is dropped after that, None for none.
        flipped: Axes that run backwards after that.
    """

    axes: tuple[int, ...] | None = None
    squeezed: int | None = None
    flipped: tuple[int, ...] = ()

    def shape(self, stored: tuple[int, ...]) -> tuple[int, ...] | None:
        """Return the shape that a stored array has after `apply`, None if it does not fit."""
        if self.axes is not None:
            if len(self.axes) != len(stored):
                return None
            stored = tuple(stored[axis] for axis in self.axes)
        if self.squeezed is None:
            return stored
        if len(stored) <= self.squeezed or stored[self.squeezed] != 1:
            return None
        return stored[: self.squeezed] + stored[self.squeezed + 1 :]

    def apply(self, array: np.ndarray) -> np.ndarray:
        """Return the array as the variable holds it."""
        if self.axes is not None:
            array = array.transpose(self.axes)
        if self.squeezed is not None:
            array = array.squeeze(self.squeezed)
        return np.flip(array, self.flipped) if self.flipped else array


AS_STORED = Layout()


@dataclass(frozen=True)
class Transfer:
    """One variable and the dataset that fills it."""

    variable: State
    dataset: Dataset
    layout: Layout = AS_STORED

    @property
    def fits(self) -> bool:
        """Whether the stored array has the shape of the variable."""
        return self.layout.shape(self.dataset.shape) == tuple(self.variable.shape)

    def read(self) -> np.ndarray:
        """Read the stored array and return it as the variable holds it."""
        return self.layout.apply(self.dataset.read())


@dataclass
class LayerTransfer:
    """All transfers of one layer, or what keeps the layer from being filled.

    Attributes:
        layer: Name of the layer.
        transfers: One for each variable of the layer.
        problem: What is wrong, empty if nothing is.
    """

    layer: str
    transfers: list[Transfer] = field(default_factory=list)
    problem: str = ""


def pair(
    layer: str,
    variables: Sequence[State],
    datasets: Sequence[Dataset],
    layouts: Sequence[Layout],
) -> LayerTransfer:
    """Match the variables of a layer with its datasets, in order.

    Args:
        layer: Name of the layer.
        variables: Its variables.
        datasets: The stored arrays.
        layouts: How each is stored.

    Returns:
        The transfers, or the reason why the layer does not match the file.
    """
    if len(variables) != len(datasets):
        return LayerTransfer(
            layer,
            problem=f"layer '{layer}' has {len(variables)} weights, the file has {len(datasets)}",
        )
    transfers = [Transfer(*both) for both in zip(variables, datasets, layouts, strict=True)]
    for transfer in transfers:
        if not transfer.fits:
            return LayerTransfer(layer, problem=_mismatch(layer, transfer))
    return LayerTransfer(layer, transfers)


def pair_state(
    optimizer: str, variables: Sequence[State], datasets: Sequence[Dataset]
) -> LayerTransfer | None:
    """Match the state of an optimizer with what is stored.

    An optimizer that never did a step is stored without arrays for the weights: those begin anew.

    Args:
        optimizer: Its name.
        variables: Its state.
        datasets: The stored arrays.

    Returns:
        The transfers; None if what is stored has another form.
    """
    never_used = all(dataset.shape == () for dataset in datasets)
    counted = variables[: len(datasets)] if never_used else variables
    if [tuple(one.shape) for one in counted] != [dataset.shape for dataset in datasets]:
        return None
    return pair(optimizer, counted, datasets, [AS_STORED] * len(datasets))


def _mismatch(layer: str, transfer: Transfer) -> str:
    return (
        f"layer '{layer}' expects the shape {tuple(transfer.variable.shape)} for "
        f"'{transfer.variable.name}', the file has {transfer.dataset.shape} "
        f"at '{transfer.dataset.path}'"
    )


def carry_out(layers: Iterable[LayerTransfer], skip_mismatch: bool) -> None:
    """Read all arrays, then assign them.

    Args:
        layers: The transfers of all layers.
        skip_mismatch: Leave layers that do not match the file as they are, with a warning.

    Raises:
        ValueError: A layer does not match the file, or an array cannot be read; no variable has
            been changed.
    """
    listed = list(layers)
    problems = [layer.problem for layer in listed if layer.problem]
    if problems and not skip_mismatch:
        raise ValueError(_summary(problems))
    values = [
        (transfer.variable, transfer.read()) for layer in listed for transfer in layer.transfers
    ]
    for problem in problems:
        warnings.warn(f"Skipped loading weights: {problem}.", stacklevel=4)
    while values:
        # Nobody else holds the array; what is copied is let go before the next one.
        variable, value = values.pop()
        variable.adopt(value)


def _summary(problems: Sequence[str], shown: int = 5) -> str:
    rest = f"; and {len(problems) - shown} more" if len(problems) > shown else ""
    return "the weights do not match the model: " + "; ".join(problems[:shown]) + rest
