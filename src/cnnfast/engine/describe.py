"""A plan as a table: what runs, on what shapes, and what will bound it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cnnfast._kernels.step import Kernel
from cnnfast.engine.graph import Operation
from cnnfast.ops.base import Op
from cnnfast.ops.elementwise import LINEAR

# Multiply-adds pay off where a step does this many operations for a byte that it moves: about
# what two AVX-512 pipes do while L2 delivers 32 bytes.
RIDGE = 1.0

HEADER = ("step", "kernel", "input", "output", "fused", "MFLOP", "KB", "bound by")


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

    def cells(self, number: int, batch: int) -> tuple[str, ...]:
        """Return the row of the table for a batch."""
        bound = "arithmetic" if self.kernel.work > RIDGE * self.bytes() else "memory"
        return (
            str(number),
            type(self.kernel).__name__,
            " + ".join(shape_text(value.shape) for value in self.operation.inputs),
            shape_text(self.operation.output.shape),
            ", ".join(fused_parts(self.operation.op)),
            f"{batch * self.kernel.work / 1e6:.3g}",
            f"{batch * self.bytes() / 1e3:.3g}",
            bound,
        )


def describe(lines: Sequence[Line], batch: int) -> str:
    """Write a plan's steps as a table.

    Args:
        lines: the steps in order.
        batch: images that operations and bytes are counted for.
    """
    rows = [HEADER, *(line.cells(number, batch) for number, line in enumerate(lines))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    text = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    total = batch * sum(line.kernel.work for line in lines) / 1e6
    return "\n".join([*text, f"{len(lines)} steps, {total:.3g} MFLOP for {batch} images"])


def fused_parts(op: Op) -> Iterator[str]:
    """Name what an operation does beside its own."""
    activation, pooling = getattr(op, "activation", LINEAR)[0], getattr(op, "pooling", None)
    if getattr(op, "adds", False):
        yield "add"
    if activation != "linear":
        yield activation
    if pooling is not None:
        yield f"{pooling.kind} {shape_text(pooling.pool)}"


def shape_text(shape: tuple[int, ...]) -> str:
    """Write a shape as 28x28x1."""
    return "x".join(str(size) for size in shape) or "1"
