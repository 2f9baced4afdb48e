"""What passes are written with: walk a graph, replace pairs of operations by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.ops.base import Op

# (first op, second op) -> one op that does both, or None where there is none.
Merge: TypeAlias = Callable[[Op, Op], Op | None]
# The same of operations, for whoever asks for the shapes between them.
MergePair: TypeAlias = Callable[[Operation, Operation], Op | None]


class Rewriter:
    """A graph being rebuilt, operation by operation.

    Args:
        graph: the one to rebuild; it is not changed.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._replaced: dict[Value, Value] = {}
        self._makers: dict[Value, Operation] = {}
        self._operations: list[Operation] = []
        self._uses = Counter(value.root for value in graph.outputs)
        for operation in graph.operations:
            self._uses.update(value.root for value in operation.inputs)

    def current(self, value: Value) -> Value:
        """Return what stands for a value of the old graph now."""
        if value in self._replaced:
            return self._replaced[value]
        if value.alias is None:
            return value
        return Value(value.shape, value.dtype, alias=self.current(value.alias))

    def maker(self, operation: Operation) -> Operation | None:
        """Return what makes an operation's only input, where nothing else reads it."""
        return self.sole_maker(operation.inputs[0]) if len(operation.inputs) == 1 else None

    def sole_maker(self, value: Value) -> Operation | None:
        """Return what makes a value of the old graph, where only one operation reads it."""
        if self._uses[value.root] != 1:
            return None
        return self._makers.get(self.current(value).root)

    def position(self, operation: Operation) -> int:
        """Return how many operations of the new graph come before one of them."""
        return self._operations.index(operation)

    def keep(self, operation: Operation) -> None:
        """Take an operation over as it is."""
        inputs = tuple(self.current(value) for value in operation.inputs)
        self._append(Operation(operation.op, inputs, operation.output))

    def replace(self, operation: Operation, op: Op, *inputs: Value) -> Value:
        """Put another op in an operation's place; its output is seen in the old one's shape.

        Args:
            operation: of the old graph.
            op: what to do instead.
            *inputs: values of the new graph.

        Returns:
            The new output.
        """
        output = self.add(op, *inputs)
        self.stand_in(operation, output)
        return output

    def add(self, op: Op, *inputs: Value) -> Value:
        """Apply an op that the old graph has not to values of the new one.

        Returns:
            Its output.
        """
        output = Value(op.output_shape(*(value.shape for value in inputs)))
        self._append(Operation(op, inputs, output))
        return output

    def skip(self, operation: Operation) -> None:
        """Let readers of an operation's output read its only input, seen in the same shape."""
        (source,) = map(self.current, operation.inputs)
        self.stand_in(operation, source)

    def stand_in(self, operation: Operation, source: Value) -> None:
        """Let readers of an operation's output read a value of the new graph instead.

        Args:
            operation: of the old graph.
            source: with the same floats; it is seen in the old output's shape.
        """
        old = operation.output
        self._replaced[old] = (
            source if source.shape == old.shape else Value(old.shape, old.dtype, alias=source)
        )

    def drop(self, operation: Operation) -> None:
        """Take an operation of the new graph back out."""
        self._operations.remove(operation)
        del self._makers[operation.output]

    def graph(self) -> Graph:
        """Return the new graph."""
        outputs = [self.current(value) for value in self._graph.outputs]
        return replace(
            self._graph,
            inputs=list(self._graph.inputs),
            outputs=outputs,
            operations=self._operations,
            penalized=[],
        )

    def _append(self, operation: Operation) -> None:
        self._operations.append(operation)
        self._makers[operation.output] = operation


def merge_into_producers(graph: Graph, merge: Merge) -> Graph:
    """Let an operation that keeps the shape be done by the operation before it.

    Args:
        graph: is not changed.
        merge: makes the one op.
    """
    return merge_neighbours(graph, lambda before, operation: merge(before.op, operation.op))


def merge_neighbours(graph: Graph, merge: MergePair) -> Graph:
    """Let an operation and the one that makes its only input, which nothing else reads, be one.

    Args:
        graph: is not changed.
        merge: makes the one op, which reads what the first of the two does.
    """
    rewriter = Rewriter(graph)
    for operation in graph.operations:
        before = rewriter.maker(operation)
        merged = None if before is None else merge(before, operation)
        if before is None or merged is None:
            rewriter.keep(operation)
        else:
            rewriter.drop(before)
            rewriter.replace(operation, merged, *before.inputs)
    return rewriter.graph()


def merge_into_consumers(graph: Graph, merge: Merge) -> Graph:
    """Let an operation that keeps the shape be done by the operation behind it.

    Args:
        graph: is not changed.
        merge: makes the one op.
    """
    rewriter = Rewriter(graph)
    for operation in graph.operations:
        before = rewriter.maker(operation)
        merged = None if before is None else merge(before.op, operation.op)
        if before is None or merged is None:
            rewriter.keep(operation)
        else:
            rewriter.drop(before)
            source, shape = before.inputs[0], operation.inputs[0].shape
            seen = source if source.shape == shape else Value(shape, source.dtype, alias=source)
            rewriter.replace(operation, merged, seen)
    return rewriter.graph()
