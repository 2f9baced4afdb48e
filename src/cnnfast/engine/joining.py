"""Concatenations that nobody has to do: what they join is written into the joined array.

An input that only the concatenation reads is written there by its own kernel, where that can
write rows that lie apart. So is an input that is a joined array itself, as in dense blocks, where
all who read it can read such rows: a block then lies in one array of its last width. Whatever else
is joined is copied: an array that is read early and joined late, as in a U-Net, would make the
joined one live from its first use to the last.
"""

from __future__ import annotations

import math
from collections import defaultdict

from cnnfast.engine.describe import Line
from cnnfast.engine.graph import Operation, Value
from cnnfast.ops.layout import Concatenate


def join_in_place(lines: list[Line], placed: set[Value]) -> list[Line]:
    """Let kernels write into joined arrays, and leave out the concatenations.

    Args:
        lines: the steps in order; their kernels may be changed.
        placed: values that have their places already, which are inputs and outputs.

    Returns:
        The steps that are left.
    """
    return _Joiner(lines, placed).lines()


class _Joiner:
    """Goes from the last concatenation to the first, for a joined array may be part of a later one.

    Args:
        lines: the steps in order.
        placed: values that have their places already.
    """

    def __init__(self, lines: list[Line], placed: set[Value]) -> None:
        self._placed = placed
        self._parts: dict[Value, Value] = {}
        self._makers = {line.operation.output: line for line in lines}
        self._readers: defaultdict[Value, list[Line]] = defaultdict(list)
        for line in lines:
            self._note(line)
        self._lines: list[Line] = []
        for line in reversed(lines):
            self._lines += self._copies(line) if is_join(line) else [line]

    def lines(self) -> list[Line]:
        """Return the steps that are left, with values and kernels as was decided."""
        return [self._settled(line) for line in reversed(self._lines)]

    def _note(self, line: Line) -> None:
        for value in line.operation.inputs:
            self._readers[value.root].append(line)

    def _copies(self, line: Line) -> list[Line]:
        """Return what is left of a concatenation: itself where no input can do without it."""
        op, inputs, whole = line.operation.op, line.operation.inputs, line.operation.output
        assert isinstance(op, Concatenate)
        rows = math.prod(whole.shape[: op.axis])
        free = {value.root for value in inputs if self._is_free(value, rows, line)}
        if not free:
            return [line]
        copies, first = [], 0
        for value in inputs:
            part = Value(value.shape, value.dtype, self._current(whole), first)
            first += value.size // rows
            if value.root in free and value.root not in self._parts:
                self._parts[value.root] = part
            else:
                copy = Concatenate(op.axis)
                copies.append(Line(Operation(copy, (value,), part), copy.prepare(value.shape)))
        self._forget(line)
        for rest in copies:
            self._note(rest)
        return copies

    def _forget(self, line: Line) -> None:
        for value in line.operation.inputs:
            readers = self._readers[value.root]
            self._readers[value.root] = [reader for reader in readers if reader is not line]

    def _is_free(self, value: Value, rows: int, join: Line) -> bool:
        """Tell whether an input can be made in its part of the joined array."""
        root, width = value.root, value.size // rows
        if root in self._placed:
            return False
        maker = self._makers[root]
        others = [reader for reader in self._readers[root] if reader is not join]
        return (
            maker.kernel.pitches[1] == width
            and (is_join(maker) or not others)
            and all(reads_apart(reader, root, width) for reader in others)
        )

    def _settled(self, line: Line) -> Line:
        """Put parts in the places of values, and tell the kernel."""
        operation, (source, target) = line.operation, line.kernel.pitches
        inputs = tuple(self._current(value) for value in operation.inputs)
        output = self._current(operation.output)
        line.kernel.spread(pitch(inputs[0], source), pitch(output, target))
        return Line(Operation(operation.op, inputs, output), line.kernel)

    def _current(self, value: Value) -> Value:
        """Return a value as it is now: itself, or a part of a joined array."""
        part = self._parts.get(value.root)
        return value if part is None else Value(value.shape, value.dtype, part)


def is_join(line: Line) -> bool:
    """Tell whether a step joins several arrays."""
    return isinstance(line.operation.op, Concatenate) and len(line.operation.inputs) > 1


def reads_apart(line: Line, root: Value, width: int) -> bool:
    """Tell whether a step can read a value in rows of `width` floats that lie apart."""
    _, *others = line.operation.inputs
    return line.kernel.pitches[0] == width and all(value.root is not root for value in others)


def pitch(value: Value, width: int) -> int:
    """Return how many floats lie from one row of `width` floats of a value to the next."""
    return width * value.root.size // value.size if width else 0
