"""The weights of a model in training: one array that kernels read and the optimizer updates.

While a model trains, the truth is in this array, and its variables follow on demand: reading the
value of a variable copies the array's part, assigning to a variable is noticed before the next
step. So a step costs no copies, and whoever looks at a weight sees the latest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.row_updates import RowUpdates
from cnnfast._kernels.table_gradient import TableGradient
from cnnfast.clock import CLOCK
from cnnfast.engine.memory import LINE
from cnnfast.engine.variable import FloatArray, Variable
from cnnfast.threads import thread_count


class Parameters:
    """Variables side by side.

    Args:
        variables: those that train.

    Attributes:
        values: all variables, each from a cache line on, the largest last: tables of embeddings,
            whose gradients are left out of what each step adds up as a whole.
        offsets: where each variable begins.
        gradients: an array of the same layout.
        views: the part of `values` that is each variable, in its shape.
        gradient_views: likewise of `gradients`.
    """

    def __init__(self, variables: Sequence[Variable]) -> None:
        self.variables = list(variables)
        self.offsets = [0] * len(self.variables)
        end = 0
        for index, variable in sorted(enumerate(variables), key=lambda pair: pair[1].size):
            self.offsets[index] = end
            end += -(-variable.size // LINE) * LINE
        self.values = aligned_zeros(end)
        self.gradients = aligned_zeros(end)
        self._tables: dict[int, TableGradient | RowUpdates] = {}
        self.views = self._views(self.values)
        self.gradient_views = self._views(self.gradients)
        self._versions = [-1] * len(self.variables)
        self._time = -1
        self.take_over()

    def _views(self, flat: FloatArray) -> list[FloatArray]:
        return [
            flat[offset : offset + variable.size].reshape(variable.shape)
            for offset, variable in zip(self.offsets, self.variables, strict=True)
        ]

    # ---- between variables and the array

    def is_current(self) -> bool:
        """Whether nothing was assigned to any variable since `take_over`."""
        return self._time == CLOCK.time

    def take_over(self) -> None:
        """Copy what was assigned to variables since the last time."""
        self._time = CLOCK.time
        self._make_up()
        for index, variable in enumerate(self.variables):
            if variable.version != self._versions[index]:
                self.views[index][...] = variable.value
                self._versions[index] = variable.version
                table = self._tables.get(self.offsets[index])
                if isinstance(table, RowUpdates):
                    table.distrust()

    def mark_changed(self) -> None:
        """Tell the variables, and all plans made of them, that the array has new values."""
        if self._is_marked():
            return
        for variable in self.variables:
            variable.follow(self.catch_up)
        self._versions = [variable.version for variable in self.variables]
        self._time = CLOCK.time

    def _is_marked(self) -> bool:
        return all(variable.is_behind for variable in self.variables)

    def catch_up(self) -> None:
        """Copy the array to the variables that are behind it."""
        self._make_up()
        for variable, view in zip(self.variables, self.views, strict=True):
            if variable.is_behind:
                variable.catch_up(view)

    def _make_up(self) -> None:
        """Let rows of tables follow that steps left behind."""
        for table in self._tables.values():
            if isinstance(table, RowUpdates) and table.drifts:
                table.make_up(thread_count())

    # ---- finding a variable by its memory

    def view_of(self, array: NDArray[Any]) -> FloatArray | None:
        """Give the part of `values` that stands for a variable's array.

        Args:
            array: the value of a variable, in any shape.

        Returns:
            None if it is no value of these variables.
        """
        address = array.ctypes.data
        for variable, view in zip(self.variables, self.views, strict=True):
            value = variable.value
            if value.ctypes.data == address and value.size == array.size:
                return view.reshape(array.shape)
        return None

    def offset_of(self, array: NDArray[Any] | None) -> int | None:
        """Say where a part of `values` begins; None for any other array.

        Args:
            array: any array, or None.
        """
        if array is None:
            return None
        offset = (array.ctypes.data - self.values.ctypes.data) // self.values.itemsize
        return offset if 0 <= offset < len(self.values) else None

    def at(self, offset: int) -> Variable:
        """Name the variable that begins at a place.

        Args:
            offset: as `offset_of` gives it.
        """
        return self.variables[self.offsets.index(offset)]

    def update_rows(self, offset: int, rows: RowUpdates) -> None:
        """Let the rows of a table be updated one by one.

        Args:
            offset: where the table begins.
            rows: what updates them, and takes their gradients instead of the array.
        """
        self._tables[offset] = rows

    def catch_up_rows(self, offset: int, ids: NDArray[Any]) -> None:
        """Let rows of a table follow that will be read, if steps left them behind.

        Args:
            offset: where the table begins.
            ids: numbers of the rows.
        """
        table = self._tables.get(offset)
        if isinstance(table, RowUpdates) and table.drifts:
            table.catch_up_rows(ids, thread_count())

    def table(self, offset: int) -> TableGradient | RowUpdates:
        """Give what takes the gradient of a table, and of that alone, whatever the plan.

        Args:
            offset: where the table begins.
        """
        if offset not in self._tables:
            view = self.gradient_views[self.offsets.index(offset)]
            self._tables[offset] = TableGradient(view)
        return self._tables[offset]


def aligned_zeros(length: int) -> FloatArray:
    """Make an array that begins on a cache line.

    Args:
        length: floats.
    """
    room = np.zeros(length + LINE, np.float32)
    skip = -(room.ctypes.data // room.itemsize) % LINE
    return room[skip : skip + length]
