"""Transposes put off, until they meet their inverses or the edge of the network.

Layers with channels first transpose their input, compute with channels last, and transpose back.
A transpose is therefore not done where it stands: what does not ask where a float lies is applied
to the array as it was before, and two transposes become one, mostly none. The rest is done where
somebody needs the order. A matrix product behind a flattened image does not: its rows move.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.engine.passes.identity import keeps_order
from cnnfast.engine.passes.rewrite import Rewriter
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import Activate, Combine
from cnnfast.ops.layout import Concatenate, Permute

Axes = tuple[int, ...]


class Transpose(NamedTuple):
    """A transpose that was put off.

    Attributes:
        operation: of the old graph, whose output it makes.
        axes: axis i of the output is axis axes[i] of the source.
        source: a value of the new graph.
    """

    operation: Operation
    axes: Axes
    source: Value


def put_off_transposes(graph: Graph) -> Graph:
    """Let transposes meet their inverses."""
    return _Walk(graph).graph()


class _Walk:
    """One walk through a graph."""

    def __init__(self, graph: Graph) -> None:
        self._old = graph
        self._rewriter = Rewriter(graph)
        self._put_off: dict[Value, Transpose] = {}

    def graph(self) -> Graph:
        for operation in self._old.operations:
            self._step(operation)
        for value in self._old.outputs:
            self._do(value)
        return self._rewriter.graph()

    def _step(self, operation: Operation) -> None:
        if isinstance(operation.op, Permute):
            self._combine(operation, operation.op)
        elif not self._passes(operation) and not self._moves_rows(operation):
            for value in operation.inputs:
                self._do(value)
            self._rewriter.keep(operation)

    def _combine(self, operation: Operation, op: Permute) -> None:
        """Put off a transpose, together with one before it."""
        before = self._put_off.get(operation.inputs[0])
        if before is None:
            self._do(operation.inputs[0])
            axes, source = op.axes, self._rewriter.current(operation.inputs[0])
        else:
            axes, source = tuple(before.axes[axis] for axis in op.axes), before.source
        if keeps_order(source.shape, axes):
            self._rewriter.stand_in(operation, source)
        else:
            self._put_off[operation.output] = Transpose(operation, axes, source)

    def _passes(self, operation: Operation) -> bool:
        """Apply an operation to what is not transposed yet, if that makes no difference to it."""
        found = [self._put_off.get(value) for value in operation.inputs]
        waiting = [transpose for transpose in found if transpose is not None]
        if len(waiting) < len(found) or len({transpose.axes for transpose in waiting}) != 1:
            return False
        axes, op = waiting[0].axes, operation.op
        shapes = {value.shape for value in operation.inputs}
        if isinstance(op, Concatenate):
            op = Concatenate(axes[op.axis])
        elif not isinstance(op, Activate) and not (isinstance(op, Combine) and len(shapes) == 1):
            return False
        output = self._rewriter.add(op, *(transpose.source for transpose in waiting))
        self._put_off[operation.output] = Transpose(operation, axes, output)
        return True

    def _moves_rows(self, operation: Operation) -> bool:
        """Let a matrix product read a flattened image as it lies."""
        op, seen = operation.op, operation.inputs[0]
        transpose = self._put_off.get(seen.root)
        if transpose is None or not isinstance(op, Dense) or len(seen.shape) != 1:
            return False
        shape = transpose.operation.output.shape
        rows = op.kernel.reshape(*shape, -1)
        back = (*np.argsort(transpose.axes), len(shape))
        kernel = np.ascontiguousarray(rows.transpose(back)).reshape(op.kernel.shape)
        flat = Value(seen.shape, seen.dtype, alias=transpose.source)
        self._rewriter.replace(operation, replace(op, kernel=kernel), flat)
        return True

    def _do(self, value: Value) -> None:
        """Do what was put off, because somebody needs the order."""
        transpose = self._put_off.pop(value.root, None)
        if transpose is not None:
            self._rewriter.replace(transpose.operation, Permute(transpose.axes), transpose.source)
