"""Step after step of an optimizer on arrays that stay where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.optimizer import Updates
from cnnfast._kernels.region import Work, share
from cnnfast._kernels.row_updates import RowUpdates
from cnnfast.ops.geometry import received
from cnnfast.optimizers.tables import TableSteps

if TYPE_CHECKING:
    from cnnfast.optimizers.optimizer import Optimizer

Floats = NDArray[np.float32]


class Steps:
    """Weights and gradients, bound to an optimizer's state.

    Args:
        optimizer: built.
        weights: float32, contiguous, writable.
        gradients: as many; None for a weight that stays as it is.
        shapes: what the optimizer was built for.
        decays: whether each weight decays.

    Raises:
        ValueError: the arrays do not fit, or there is no gradient at all.

    Threads: no result depends on how many.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        weights: Sequence[Floats],
        gradients: Sequence[Floats | None],
        shapes: Sequence[tuple[int, ...]],
        decays: Sequence[bool],
    ) -> None:
        _check(optimizer.name, "weights", weights, shapes)
        _check(optimizer.name, "gradients", gradients, shapes)
        moving = [i for i, gradient in enumerate(gradients) if gradient is not None]
        if not moving and weights:
            raise ValueError(f"Optimizer '{optimizer.name}': there is no gradient at all.")
        self.optimizer = optimizer
        self.weights, self.gradients, self.moving = weights, gradients, moving
        self.averages_apart = optimizer.use_ema and (
            optimizer.gradient_accumulation_steps is not None or len(moving) < len(weights)
        )
        self._tables: dict[int, TableSteps] = {}
        self._kept: tuple[Any, ...] = ()
        self.native = Updates(
            optimizer.rule,
            [self._bound(i, decays[i]) for i in moving],
            bool(optimizer.weight_decay),
            optimizer.use_ema and not self.averages_apart,
            max(optimizer.clipnorm or 0.0, 0.0),
            max(optimizer.global_clipnorm or 0.0, 0.0),
            max(optimizer.clipvalue or 0.0, 0.0),
            (optimizer.loss_scale_factor or 1.0) * (optimizer.gradient_accumulation_steps or 1),
        )

    def _bound(self, i: int, decays: bool) -> tuple[Floats, Floats, list[Floats], bool]:
        """Return flat views of what belongs to a weight."""
        optimizer = self.optimizer
        accumulating = optimizer.gradient_accumulation_steps is not None
        gradient = optimizer.accumulators[i].array if accumulating else self.gradients[i]
        states = [arrays[i].array for arrays in optimizer.arrays]
        if optimizer.use_ema and not self.averages_apart:
            states.append(optimizer.averages[i].array)
        flat = [array.reshape(-1) for array in states]
        assert gradient is not None
        return self.weights[i].reshape(-1), gradient.reshape(-1), flat, decays

    def rows(self, i: int) -> RowUpdates | None:
        """Update only those rows of a weight from now on that need it.

        Args:
            i: number of the weight, of two axes.

        Returns:
            What is to be told the rows' gradients before each step: `clear`, then `add`; without
            that, the step takes them from the gradient's array. None if the optimizer moves all
            rows in ways that cannot be made up for later.
        """
        optimizer = self.optimizer
        if i not in self._tables:
            if not optimizer.idles:
                return None
            states = [arrays[i] for arrays in optimizer.arrays]
            columns = self.weights[i].shape[1]
            self._tables[i] = TableSteps(self.native, self.moving.index(i), columns, states)
        return self._tables[i].rows

    def run(self, threads: int) -> None:
        """Do one step with what the gradients hold now.

        Args:
            threads: how many to use at most.
        """
        every = self.optimizer.gradient_accumulation_steps
        if every is not None:
            self._accumulate()
        if every is None or (int(self.optimizer.variables[0]) + 1) % every == 0:
            share(self.begin(), threads)
            if every is not None:
                self._forget()
        self.end()

    def begin(self) -> list[Work]:
        """Set the numbers of the step that comes.

        Returns:
            What does it as soon as there are gradients; `end` follows. Not for an optimizer that
            accumulates gradients.
        """
        optimizer = self.optimizer
        rate = optimizer.step_size()
        whole, kept = np.float32(1.0), self._kept_share()
        numbers = optimizer.numbers(rate, int(optimizer.iterations) + 1)
        # The learning rate is nothing to a row without a gradient, as long as it is a number.
        if self._tables and numbers[1:] != self._kept:
            for table in self._tables.values():
                table.make_up()
            self._kept = numbers[1:]
        self.native.set_numbers(
            numbers, (optimizer.weight_decay or 0.0, rate), (kept, whole - kept)
        )
        rests = bool(0 <= rate < np.inf) and optimizer.idles
        for table in self._tables.values():
            table.rows.every_row = not rests
        return [self.native, *(table.rows for table in self._tables.values())]

    def end(self) -> None:
        """Bring averages up to date and count the step."""
        for table in self._tables.values():
            table.follow()
        optimizer = self.optimizer
        every, counter = optimizer.ema_overwrite_frequency, optimizer.variables[0]
        if self.averages_apart:
            self._average()
        if optimizer.use_ema and every and (int(optimizer.iterations) + 1) % every == 0:
            optimizer.finalize_variable_values(self.weights)
        counter.assign(int(counter) + 1)

    def _kept_share(self) -> np.float32:
        """Return how much of the average is kept: nothing in the first step."""
        begun = int(self.optimizer.iterations) != 0
        return np.float32(self.optimizer.ema_momentum if begun else 0.0)

    def _average(self) -> None:
        kept = self._kept_share()
        for weights, average in zip(self.weights, self.optimizer.averages, strict=True):
            average.assign(kept * average.value + (np.float32(1.0) - kept) * weights)

    def _accumulate(self) -> None:
        for i in self.moving:
            accumulated = self.optimizer.accumulators[i].array
            accumulated += self.gradients[i]

    def _forget(self) -> None:
        for accumulator in self.optimizer.accumulators:
            accumulator.array.fill(0.0)


def _check(
    owner: str,
    name: str,
    arrays: Sequence[Floats | None],
    shapes: Sequence[tuple[int, ...]],
) -> None:
    """Check kinds and shapes of arrays that kernels are to work on."""
    found = [None if array is None else array.shape for array in arrays]
    fits = len(found) == len(shapes) and all(
        shape is None or shape == expected for shape, expected in zip(found, shapes, strict=True)
    )
    if not fits:
        raise received(owner, f"{name} must have shapes {list(shapes)}", "shapes", found)
    for array in arrays:
        if array is not None and (
            array.dtype != np.float32
            or not array.flags.c_contiguous
            or (name == "weights" and not array.flags.writeable)
        ):
            raise received(owner, f"{name} must be contiguous float32 arrays", "dtype", array.dtype)
