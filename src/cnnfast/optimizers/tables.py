"""Steps of a table of embeddings, whose rows without a gradient wait until somebody needs them."""

from __future__ import annotations

from collections.abc import Sequence

from cnnfast._kernels.optimizer import Updates
from cnnfast._kernels.row_updates import RowUpdates
from cnnfast.state import StateVariable
from cnnfast.threads import thread_count


class TableSteps:
    """The rows of a variable, taken out of what is updated as a whole.

    Args:
        native: updates of all variables; that of the table is left out from now on.
        index: of the table there.
        columns: floats in a row.
        states: what the optimizer keeps for the table.

    Attributes:
        rows: takes what rows receive, instead of the array of gradients.
    """

    def __init__(
        self, native: Updates, index: int, columns: int, states: Sequence[StateVariable]
    ) -> None:
        self.rows = RowUpdates(native, index, columns)
        self._states = states

    def follow(self) -> None:
        """Note that a step was done."""
        for state in self._states:
            state.follow(self._show)

    def make_up(self) -> None:
        """Bring all rows up to date."""
        self.rows.make_up(thread_count())

    def _show(self) -> None:
        """Let somebody look at the state, who may change it too."""
        self.make_up()
        self.rows.distrust()
