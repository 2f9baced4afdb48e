"""Gradients of embeddings, added up behind a step instead of inside of it.

A batch looks up few rows of a table. As a part of the gradient that each group of images adds to,
the table would be cleared and added up as a whole, once for every slot: a fifth of a step of a text
classifier of 20,000 words. So a step hands out what the rows receive, and it is added to the rows
that are concerned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.row_updates import RowUpdates
from cnnfast._kernels.table_gradient import TableGradient
from cnnfast.engine.differentiate import constants_of
from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.engine.parameters import Parameters
from cnnfast.ops.embedding import Embedding
from cnnfast.ops.gradients import EmbeddingGradient


class LookUp(NamedTuple):
    """One use of a table.

    Attributes:
        offset: of the table in the gradient of all weights.
        ids: number of the step's input that holds them.
        shape: of what the rows receive, without the batch axis.
    """

    offset: int
    ids: int
    shape: tuple[int, ...]


class TableGradients:
    """The look-ups of a graph, taken out of it.

    Args:
        graph: with gradients; what rows receive becomes its last outputs.
        sums: results of operations that add to the gradient; those of tables are taken out.
        parameters: the weights that train.
    """

    def __init__(self, graph: Graph, sums: dict[Value, int], parameters: Parameters) -> None:
        self._parameters = parameters
        self.look_ups: list[LookUp] = []
        self._room: list[NDArray[np.float32]] = []
        self.dense = len(parameters.values)
        found = self._suitable(graph, sums)
        for operation in found:
            ids, gradient = operation.inputs
            offset = sums.pop(operation.output)
            self.look_ups.append(LookUp(offset, graph.inputs.index(ids.root), gradient.shape))
            graph.operations.remove(operation)
            graph.output(gradient)
            self.dense = min(self.dense, offset)
        self.offsets = sorted({look_up.offset for look_up in self.look_ups})
        self._readers = [
            (offset, graph.inputs.index(operation.inputs[0].root))
            for offset in self.offsets
            for operation in self._readers_of(graph, offset)
        ]

    def _readers_of(self, graph: Graph, offset: int) -> list[Operation]:
        """List the operations that read a table."""
        return [
            operation
            for operation in graph.operations
            if any(
                self._parameters.offset_of(array) == offset
                for array in constants_of(operation.op).values()
            )
        ]

    def _suitable(self, graph: Graph, sums: dict[Value, int]) -> list[Operation]:
        """List the look-ups in tables that nothing else adds to and that lie behind the rest."""
        makers = {operation.output: operation for operation in graph.operations}
        tables: dict[int, list[Operation]] = {}
        for value, offset in sums.items():
            tables.setdefault(offset, []).append(makers[value])
        found: list[Operation] = []
        for offset in sorted(self._parameters.offsets, reverse=True):
            uses = tables.get(offset, [])
            is_table = bool(uses) and all(
                isinstance(use.op, EmbeddingGradient) and use.inputs[0].root in graph.inputs
                for use in uses
            )
            # Rows may be up to date only where ids of the batch name them.
            is_table = is_table and all(
                isinstance(reader.op, Embedding) and reader.inputs[0].root in graph.inputs
                for reader in self._readers_of(graph, offset)
            )
            # A penalty adds to rows that no batch concerns.
            if not is_table or self._parameters.at(offset).regularizer is not None:
                break
            found += uses
        return found

    def __len__(self) -> int:
        return len(self.look_ups)

    def catch_up(self, inputs: Sequence[NDArray[Any]]) -> None:
        """Let the rows that a batch looks up follow, if steps left them behind.

        Args:
            inputs: of the model.
        """
        for offset, place in self._readers:
            self._parameters.catch_up_rows(offset, inputs[place])

    def room(self, images: int) -> list[NDArray[Any]]:
        """Give arrays for what rows receive; kept, for new memory costs as much as filling it.

        Args:
            images: of the batch.
        """
        if not self._room or len(self._room[0]) < images:
            shapes = [(images, *look_up.shape) for look_up in self.look_ups]
            self._room = [np.empty(shape, np.float32) for shape in shapes]
        return [array[:images] for array in self._room]

    def note(
        self, inputs: Sequence[NDArray[Any]], received: Sequence[NDArray[Any]]
    ) -> list[TableGradient]:
        """Tell the tables what their rows are about to receive.

        Args:
            inputs: of the step.
            received: what `room` gave, to be filled by the step.

        Returns:
            What fills the gradients of tables that are updated as a whole, behind the step.
        """
        for table in self._tables():
            table.clear()
        for look_up, rows in zip(self.look_ups, received, strict=True):
            table = self._parameters.table(look_up.offset)
            table.add(inputs[look_up.ids], rows.reshape(-1, look_up.shape[-1]))
        return [table for table in self._tables() if isinstance(table, TableGradient)]

    def forget(self) -> None:
        """Tell the tables that the step failed."""
        for table in self._tables():
            table.clear()

    def _tables(self) -> list[TableGradient | RowUpdates]:
        return [self._parameters.table(offset) for offset in self.offsets]
