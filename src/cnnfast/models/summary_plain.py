"""The summary in the look of Keras 2: plain lines and rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cnnfast.models.summary import Options, Row, Table

STACK_WIDTH: Final = 65
STACK_POSITIONS: Final = (0.45, 0.85, 1.0)
GRAPH_WIDTH: Final = 98
GRAPH_POSITIONS: Final = (0.33, 0.55, 0.67, 1.0)
TRAINED_WIDTH: Final = 11


def print_table(table: Table, options: Options) -> None:
    """Print a summary line by line, or pass each line to `options.print_fn`.

    Args:
        table: what it says.
        options: how it is to look.
    """
    for line in _lines(table, options):
        (options.print_fn or print)(line)


def _lines(table: Table, options: Options) -> Iterator[str]:
    width, ends = _layout(table, options)
    totals = table.totals
    header = ["Layer (type)", "Output Shape", "Param #"]
    header += ["Connected to"] * table.branches + ["Trainable"] * options.show_trainable
    yield f'Model: "{table.name}"'
    yield "_" * width
    yield _line(header, ends)
    yield "=" * width
    for index, row in enumerate(table.rows):
        yield from _row_lines(row, table.branches, options.show_trainable, ends)
        yield ("=" if index == len(table.rows) - 1 else "_") * width
    yield f"Total params: {totals.trainable + totals.frozen:,}"
    yield f"Trainable params: {totals.trainable:,}"
    yield f"Non-trainable params: {totals.frozen:,}"
    yield "_" * width


def _layout(table: Table, options: Options) -> tuple[int, list[int]]:
    """Work out the width of the table and where its columns end."""
    width = options.line_length or (GRAPH_WIDTH if table.branches else STACK_WIDTH)
    positions = options.positions or (GRAPH_POSITIONS if table.branches else STACK_POSITIONS)
    scale = width if positions[-1] <= 1 else 1
    ends = [int(scale * position) for position in positions]
    if options.show_trainable:
        width += TRAINED_WIDTH
        ends.append(width)
    return width, ends


def _row_lines(row: Row, branches: bool, show_trainable: bool, ends: list[int]) -> Iterator[str]:
    """Give a layer's line, and one more for every further connection."""
    indent = "   " * row.level + "└ " if row.level else ""
    fields = [
        f"{indent}{row.name} ({row.kind})",
        row.shape,
        "unbuilt" if row.parameters is None else str(row.parameters),
    ]
    first, *more = row.connections or [""]
    fields += [first] * branches + [row.trained] * show_trainable
    yield _line(fields, ends)
    for connection in more if branches else ():
        yield _line(["", "", "", connection], ends)


def _line(fields: Sequence[str], ends: list[int]) -> str:
    """Put fields in their columns, cut short where they are too long."""
    line = ""
    for field, end in zip(fields, ends, strict=False):
        # A blank keeps a field that was cut apart from the next one.
        line = line[:-1] + " " if line else line
        line = (line + field)[:end].ljust(end)
    return line
