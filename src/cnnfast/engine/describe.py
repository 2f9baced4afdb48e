"""A plan as a table: what runs, on what shapes, in which groups, and what will bound it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cnnfast._kernels.step import Kernel
from cnnfast.engine.graph import Operation, Value
from cnnfast.engine.machine import machine
from cnnfast.engine.segments import Segment
from cnnfast.ops.base import Op
from cnnfast.ops.elementwise import LINEAR

if TYPE_CHECKING:
    from cnnfast.engine.plan import Plan

# Multiply-adds pay off where a step does this many operations for a byte that it moves: about
# what two AVX-512 pipes do while L2 delivers 32 bytes.
RIDGE = 1.0

HEADER = (
    "step", "segment", "kernel", "input", "output", "fused", "MFLOP", "KB", "weights KB",
    "bound by",
)  # fmt: skip


class Line(NamedTuple):
    """One step of a plan.

    Attributes:
        operation: what it does.
        kernel: what does it.
    """

    operation: Operation
    kernel: Kernel

    def bytes(self) -> int:
        """Count the bytes of inputs and output of one image."""
        values = (*self.operation.inputs, self.operation.output)
        return 4 * sum(value.size for value in values)

    def bound(self, together: int) -> str:
        """Tell what takes longest: arithmetic, reading values, or reading weights.

        Args:
            together: images that use the weights each time they are read.
        """
        assumed = machine()
        weights = self.kernel.weights
        times = {
            "memory": RIDGE * self.bytes() / assumed.flops,
            "arithmetic": self.kernel.work / assumed.flops,
            "weights": weights / assumed.weights_rates[weights > assumed.l3] / together,
        }
        return max(times, key=lambda bound: times[bound])

    def cells(self, number: int, index: int, segment: Segment, batch: int) -> tuple[str, ...]:
        """Return the row of the table for a batch."""
        return (
            str(number),
            str(index),
            type(self.kernel).__name__,
            " + ".join(shape_text(value.shape) for value in self.operation.inputs),
            output_text(self.operation.output),
            ", ".join(fused_parts(self.operation.op)),
            f"{batch * self.kernel.work / 1e6:.3g}",
            f"{batch * self.bytes() / 1e3:.3g}",
            f"{self.kernel.weights / 1e3:.3g}",
            self.bound(min(segment.group or batch, batch)),
        )


class Cut(NamedTuple):
    """A segment with its memory.

    Attributes:
        segment: its steps and groups.
        arena: bytes per image of the values that stay inside.
    """

    segment: Segment
    arena: int

    def text(self) -> str:
        """Say how images go through it."""
        first, stop, group = self.segment
        steps = f"steps {first} to {stop - 1}" if stop - first > 1 else f"step {first}"
        if self.segment.shared:
            return f"{steps}: threads share each step for all images"
        images = "one image" if group == 1 else f"{group} images"
        return f"{steps}: a thread takes {images} at a time, {self.arena * group / 1e6:.3g} MB"


class Description:
    """A plan seen for a batch.

    Args:
        plan: the plan.
        batch: images.
    """

    def __init__(self, plan: Plan, batch: int) -> None:
        self._plan = plan
        self._batch = batch

    @property
    def weights(self) -> int:
        """Bytes of packed constants."""
        return self._plan.weights

    def __str__(self) -> str:
        return self._plan.describe(self._batch)

    def describe(self, print_fn: Callable[[str], Any] | None = None) -> None:
        """Print the table of steps and segments.

        Args:
            print_fn: called with the text; None to print it.
        """
        (print_fn or print)(str(self))


def describe(lines: Sequence[Line], cuts: Sequence[Cut], folded: Counter[str], batch: int) -> str:
    """Write a plan as a table of its steps, and a list of its segments.

    Args:
        lines: the steps in order.
        cuts: the segments in order.
        folded: operations whose work other steps do, by kind.
        batch: images that operations and bytes are counted for.
    """
    rows: list[tuple[str, ...]] = [HEADER]
    for index, (segment, _) in enumerate(cuts):
        steps = range(segment.first, segment.stop)
        rows += [lines[number].cells(number, index, segment, batch) for number in steps]
    total = batch * sum(line.kernel.work for line in lines) / 1e6
    weights = sum(line.kernel.weights for line in lines) / 1e6
    text = aligned_columns(rows)
    text += [f"segment {index}, {cut.text()}" for index, cut in enumerate(cuts)]
    if folded:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(folded.items()))
        text.append(f"folded or fused into others: {kinds}")
    text.append(
        f"{len(lines)} steps, {total:.3g} MFLOP for {batch} images, {weights:.3g} MB of weights"
    )
    return "\n".join(text)


def aligned_columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Write rows so that their columns line up."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def fused_parts(op: Op) -> Iterator[str]:
    """Name what an operation does beside its own."""
    yield from (type(link).__name__ for link in getattr(op, "ops", ()))
    activation, pooling = getattr(op, "activation", LINEAR)[0], getattr(op, "pooling", None)
    if getattr(op, "adds", False):
        yield "add"
    if activation != "linear":
        yield activation
    if pooling is not None:
        yield f"{pooling.kind} {shape_text(pooling.pool)}"


def output_text(value: Value) -> str:
    """Write the shape of an output, and that of the joined array it is written into."""
    whole = "" if value.alias is None else f" in {shape_text(value.root.shape)}"
    return shape_text(value.shape) + whole


def shape_text(shape: tuple[int, ...]) -> str:
    """Write a shape as 28x28x1."""
    return "x".join(str(size) for size in shape) or "1"
