"""From a graph to a plan: dead operations dropped, buffers placed, kernels prepared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.executor import Program
from cnnfast._kernels.step import Kernel
from cnnfast.engine.describe import Cut, Line, describe
from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.engine.joining import join_in_place
from cnnfast.engine.lenders import Lenders
from cnnfast.engine.machine import machine
from cnnfast.engine.memory import Lifetime, assign_offsets
from cnnfast.engine.passes import optimize
from cnnfast.engine.segments import Load, Segment, cut_into_segments
from cnnfast.engine.variable import Variable
from cnnfast.ops.base import without_constants
from cnnfast.ops.embedding import Embedding, EmbeddingConvolution
from cnnfast.ops.layout import Concatenate
from cnnfast.threads import thread_count

Where: TypeAlias = Literal["input", "output", "wave", "arena"]
Slot: TypeAlias = tuple[Where, int, int]
Part: TypeAlias = tuple[Where, int, int, int]


class Plan:
    """A graph made ready to run on any number of images.

    Args:
        graph: the network; it is not changed unless used up.
        folded: how many operations of which kinds are no steps, because others do their work.
        used_up: whether the graph's operations may be let go while the plan is made, each as soon
            as its constants are packed.
        lenders: variables whose values may be let go where the packed ones do for both.

    Attributes:
        inputs: the input values.
        outputs: the output values.
        program: the native part.
    """

    def __init__(
        self,
        graph: Graph,
        folded: Counter[str] | None = None,
        used_up: bool = False,
        lenders: Sequence[Variable] = (),
    ) -> None:
        self.inputs = tuple(graph.inputs)
        operations, self.outputs = with_own_outputs(graph)
        if used_up:
            graph.operations.clear()
        operations = live_operations(operations, self.outputs)
        lines = prepared(operations, Lenders(lenders))
        placed = {*self.inputs, *(value.root for value in self.outputs)}
        self._lines = join_in_place(lines, placed)
        before, operations = ([line.operation for line in some] for some in (lines, self._lines))
        self._folded = (folded or Counter()) + (kinds_of(before) - kinds_of(operations))
        segments = cut_into_segments(loads_of(self._lines, self.outputs), machine())
        places = place_values(operations, segments, self.inputs, self.outputs)
        steps = [
            (kernel, tuple(map(places.part, operation.inputs)), places.part(operation.output))
            for operation, kernel in self._lines
        ]
        self._cuts = [
            Cut(segment, 4 * arena) for segment, arena in zip(segments, places.arenas, strict=True)
        ]
        self.program = Program(
            steps,
            sizes(self.inputs),
            sizes(self.outputs),
            places.wave,
            [(cut.segment.steps, cut.segment.group, cut.arena // 4) for cut in self._cuts],
        )
        self._tables = tables_of(operations, self.inputs)
        self._outputs = tuple((value.shape, np.dtype(value.dtype)) for value in self.outputs)

    @property
    def work(self) -> float:
        """Floating-point operations per image, or four per float that is only moved."""
        return self.program.work

    @property
    def weights(self) -> int:
        """Bytes of packed constants."""
        return sum(line.kernel.weights for line in self._lines)

    def describe(self, batch: int = 1) -> str:
        """Write the plan as a table: its steps, and the segments they are done in.

        Args:
            batch: images that operations and bytes are counted for.
        """
        return describe(self._lines, self._cuts, self._folded, batch)

    def run(
        self,
        inputs: list[NDArray[Any]],
        outputs: list[NDArray[Any]] | None = None,
        threads: int | None = None,
    ) -> list[NDArray[Any]]:
        """Compute the outputs for a batch.

        Args:
            inputs: C-contiguous arrays of the inputs' shapes and dtypes, batch axis first.
            outputs: arrays to fill, likewise; None to make them.
            threads: how many to use at most; None for the configured number.

        Returns:
            The outputs.

        Raises:
            ValueError: an array's size does not fit, or an embedding met an id outside its table.

        Threads: results are bit-identical for any number of them.
        """
        images = len(inputs[0])
        if outputs is None:
            outputs = [np.empty((images, *shape), dtype) for shape, dtype in self._outputs]
        if not self.program.run(inputs, outputs, images, threads or thread_count()):
            raise ValueError(describe_bad_id(self._tables, inputs))
        return outputs


def compile_graph(graph: Graph, lenders: Sequence[Variable] = ()) -> Plan:
    """Make a plan of a graph, rewritten so that there is less to do.

    Args:
        graph: the network, which is used up.
        lenders: variables whose values may be let go where the packed ones do for both.
    """
    optimized = optimize(graph)
    folded = kinds_of(graph.operations) - kinds_of(optimized.operations)
    graph.operations.clear()
    return Plan(optimized, folded, used_up=True, lenders=lenders)


def kinds_of(operations: list[Operation]) -> Counter[str]:
    """Count operations by their names."""
    return Counter(type(operation.op).__name__ for operation in operations)


def prepared(operations: list[Operation], lenders: Lenders) -> list[Line]:
    """Prepare the kernels of all steps, first those that make most room.

    Args:
        operations: in order; the list is emptied, so that constants made for a plan, such as
            folded filters, are never all there together with the packed ones.
        lenders: of constants.
    """
    waiting = dict(enumerate(operations))
    operations.clear()
    lines: dict[int, Line] = {}
    for index in sorted(waiting, key=lambda index: -lenders.room(waiting[index].op)):
        operation = waiting.pop(index)
        kernel = prepare(operation)
        lenders.release(operation.op, kernel)
        lines[index] = Line(replace(operation, op=without_constants(operation.op)), kernel)
    return [lines[index] for index in range(len(lines))]


def prepare(operation: Operation) -> Kernel:
    """Prepare an operation's kernel for the shapes it is applied to."""
    shapes = (value.shape for value in operation.inputs)
    return operation.op.prepare(*shapes, integers=operation.inputs[0].dtype == "int32")


def tables_of(operations: list[Operation], inputs: tuple[Value, ...]) -> list[tuple[int, int]]:
    """List the embeddings that read an input: which input, and how many rows their table has."""
    return [
        (inputs.index(operation.inputs[0].root), len(operation.op.table))
        for operation in operations
        if isinstance(operation.op, Embedding | EmbeddingConvolution)
        and operation.inputs[0].root in inputs
    ]


def describe_bad_id(tables: list[tuple[int, int]], inputs: list[NDArray[Any]]) -> str:
    """Say which id lies outside its embedding's table."""
    for index, rows in tables:
        ids = inputs[index]
        outside = np.argwhere(~((ids > -1) & (ids < rows)))
        if len(outside):
            place = tuple(int(position) for position in outside[0])
            return (
                f"An Embedding layer with input_dim={rows} takes ids from 0 to {rows - 1}. "
                f"Received {ids[place]} at position {place}."
            )
    return "An Embedding layer received an id that is negative or not below its `input_dim`."


def with_own_outputs(graph: Graph) -> tuple[list[Operation], tuple[Value, ...]]:
    """Give every output memory of its own: an input or a repeated output is copied.

    Returns:
        The operations, copies included, and the outputs.
    """
    operations, outputs = list(graph.operations), []
    taken = set(graph.inputs)
    for value in graph.outputs:
        if value.root in taken:
            flat = Value((value.size,), value.dtype, alias=value)
            copy = Operation(Concatenate(0), (flat,), Value((value.size,), value.dtype))
            operations.append(copy)
            value = Value(value.shape, value.dtype, alias=copy.output)
        taken.add(value.root)
        outputs.append(value)
    return operations, tuple(outputs)


def live_operations(operations: list[Operation], outputs: tuple[Value, ...]) -> list[Operation]:
    """Keep the operations that outputs depend on."""
    needed = {value.root for value in outputs}
    live = []
    for operation in reversed(operations):
        if operation.output in needed:
            needed.update(value.root for value in operation.inputs)
            live.append(operation)
    return live[::-1]


class Places(NamedTuple):
    """Where values lie.

    Attributes:
        slots: of each value that owns memory.
        arenas: floats per image of each segment's arena.
        wave: floats per image of what lies between segments.
    """

    slots: dict[Value, Slot]
    arenas: list[int]
    wave: int

    def part(self, value: Value) -> Part:
        """Say where a value lies, and behind how many floats of the value that owns the memory."""
        return (*self.slots[value.root], value.offset)


def place_values(
    operations: list[Operation],
    segments: list[Segment],
    inputs: tuple[Value, ...],
    outputs: tuple[Value, ...],
) -> Places:
    """Say where each value that owns memory lies."""
    slots: dict[Value, Slot] = {}
    for index, value in enumerate(inputs):
        slots[value] = ("input", index, value.size)
    for index, value in enumerate(outputs):
        slots[value.root] = ("output", index, value.size)
    spans = {value: span for value, span in spans_of(operations).items() if value not in slots}
    segment_of = [
        index for index, segment in enumerate(segments) for _ in range(segment.first, segment.stop)
    ]
    between: dict[Value, Lifetime] = {}
    inside: list[dict[Value, Lifetime]] = [{} for _ in segments]
    for value, (first, last) in spans.items():
        begin, end = segment_of[first], segment_of[last]
        if begin == end and not segments[begin].shared:
            inside[begin][value] = Lifetime(value.size, first, last)
        else:
            # Groups of a segment are at different steps, so that its values are all alive.
            between[value] = Lifetime(value.size, begin, end)
    wave = place(between, "wave", slots)
    return Places(slots, [place(values, "arena", slots) for values in inside], wave)


def place(
    lifetimes: dict[Value, Lifetime], where: Literal["wave", "arena"], slots: dict[Value, Slot]
) -> int:
    """Place values in one block, fill in their slots, and return its floats per image."""
    offsets, floats = assign_offsets(list(lifetimes.values()))
    for value, offset in zip(lifetimes, offsets, strict=True):
        slots[value] = (where, offset, value.size)
    return floats


def spans_of(operations: list[Operation]) -> dict[Value, tuple[int, int]]:
    """Find the steps that write values, inputs aside, and that read them last."""
    spans: dict[Value, tuple[int, int]] = {}
    for step, operation in enumerate(operations):
        for value in operation.inputs:
            if value.root in spans:
                spans[value.root] = (spans[value.root][0], step)
        root = operation.output.root
        spans[root] = (spans.get(root, (step, step))[0], step)
    return spans


def loads_of(lines: list[Line], outputs: tuple[Value, ...]) -> list[Load]:
    """Count what each step moves and what is alive before it."""
    spans = spans_of([line.operation for line in lines])
    crossing = [0] * (len(lines) + 1)
    kept = {value.root for value in outputs}
    for value, (first, last) in spans.items():
        if value not in kept:
            for step in range(first + 1, last + 1):
                crossing[step] += 4 * value.size
    return [
        Load(line.bytes(), line.kernel.weights, alive, line.kernel.panels > 1, line.kernel.work)
        for line, alive in zip(lines, crossing, strict=False)
    ]


def sizes(values: tuple[Value, ...]) -> tuple[int, ...]:
    """Return the floats per image of values."""
    return tuple(value.size for value in values)


def slots_of(values: tuple[Value, ...], slots: dict[Value, Slot]) -> tuple[Slot, ...]:
    """Look up where values lie."""
    return tuple(slots[value.root] for value in values)
