"""The summary in the look of Keras 3: a table with frames, in colour on a terminal."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    from cnnfast.models.summary import Options, Row, Table

STACK_WIDTH: Final = 88
STACK_POSITIONS: Final = (0.45, 0.80, 1.0)
GRAPH_WIDTH: Final = 108
GRAPH_POSITIONS: Final = (0.3, 0.56, 0.74, 1.0)
TRAINED_WIDTH: Final = 12
MARGIN: Final = 4
NARROWEST_COLUMN: Final = 4

NUMBER: Final = "green"
KIND: Final = "blue"


def print_table(table: Table, options: Options) -> None:
    """Print a summary, or pass it to `options.print_fn` as one text.

    Args:
        table: what it says.
        options: how it is to look.

    Raises:
        ValueError: a column would be too narrow.
    """
    from rich.console import Console

    width, columns = _layout(table, options)
    if options.print_fn is None:
        _print(Console(highlight=False), table, width, columns, options)
        return
    console = Console(
        highlight=False, force_terminal=False, color_system=None, width=max(width, 80)
    )
    with console.capture() as capture:
        _print(console, table, width, columns, options)
    options.print_fn(capture.get())


def _layout(table: Table, options: Options) -> tuple[int, list[int]]:
    """Work out the width of the table and of its columns."""
    import shutil  # with three compression modules that nothing else here needs

    width = GRAPH_WIDTH if table.branches else STACK_WIDTH
    ends = list(options.positions or (GRAPH_POSITIONS if table.branches else STACK_POSITIONS))
    if options.show_trainable:
        width += TRAINED_WIDTH
        ends = [0.9 * end for end in ends] + [1.0]
    width = options.line_length or min(width, shutil.get_terminal_size().columns - MARGIN)
    if ends[-1] <= 1:
        ends = [width * end for end in ends]
    stops = [0, *(int(end) for end in ends)]
    columns = [stop - start for start, stop in pairwise(stops)]
    if min(columns) < NARROWEST_COLUMN:
        raise ValueError(
            f"The columns of the summary would be {columns} characters wide, each needs at least "
            f"{NARROWEST_COLUMN}. Received: line_length={width}"
        )
    return width, columns


def _print(
    console: Console, table: Table, width: int, columns: list[int], options: Options
) -> None:
    totals = table.totals
    console.print(f'Model: "{table.name}"', style="bold", markup=False)
    console.print(_rich_table(table, width, columns, options))
    for label, count, size in (
        (
            "Total",
            totals.trainable + totals.frozen,
            totals.trainable_bytes + totals.frozen_bytes,
        ),
        ("Trainable", totals.trainable, totals.trainable_bytes),
        ("Non-trainable", totals.frozen, totals.frozen_bytes),
    ):
        amount = f"[{NUMBER}]{count:,}[/] ({readable_size(size)})"
        console.print(f"[bold] {label} params: [/]{amount}")


def _rich_table(table: Table, width: int, columns: list[int], options: Options) -> RichTable:
    from rich.table import Table as RichTable

    headers: list[tuple[str, Any]] = [
        ("Layer (type)", "left"),
        ("Output Shape", "left"),
        ("Param #", "right"),
    ]
    headers += [("Connected to", "left")] * table.branches
    headers += [("Trainable", "center")] * options.show_trainable
    framed = RichTable(width=width, show_lines=True)
    for (title, justify), column in zip(headers, columns, strict=True):
        framed.add_column(title, justify=justify, width=column)
    for row in table.rows:
        framed.add_row(*_cells(row, table.branches, options.show_trainable))
    return framed


def _cells(row: Row, branches: bool, show_trainable: bool) -> list[Text]:
    from rich.text import Text

    indent = "   " * row.level + "└ " if row.level else ""
    built = row.parameters is not None
    cells = [
        Text.assemble(f"{indent}{row.name} (", (row.kind, KIND), ")"),
        Text(row.shape, NUMBER if built else ""),
        Text(f"{row.parameters:,}" if built else "0 (unbuilt)", NUMBER if built else ""),
    ]
    cells += [Text(", ".join(row.connections) or "-")] * branches
    cells += [Text(row.trained, "bold")] * show_trainable
    return cells


def readable_size(count: float) -> str:
    """Write a number of bytes with a unit: "384.00 B", "5.52 KB".

    Args:
        count: not negative.
    """
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if count < 1024:
            return f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} PB"
