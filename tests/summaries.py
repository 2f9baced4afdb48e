"""Reading back the tables that `Model.summary` prints."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

STYLES = ("plain", "keras3")


class Table(NamedTuple):
    """What a summary says: one (shape, parameters) per layer, and the three totals."""

    rows: list[tuple[str, int]]
    totals: dict[str, int]
    text: str


def read_summary(model: Any, style: str) -> Table:
    """Print a model's summary in one style and read its figures back."""
    printed: list[str] = []
    model.summary(style=style, print_fn=printed.append)
    text = "\n".join(printed)
    rows = re.findall(r"(\(None[^)]*\))[^\n\d]*?([\d,]+)[^\n\d]*$", text, re.MULTILINE)
    totals = re.findall(r"^ *(Total|Trainable|Non-trainable) params: ([\d,]+)", text, re.MULTILINE)
    return Table(
        [(shape, _number(count)) for shape, count in rows],
        {kind: _number(count) for kind, count in totals},
        text,
    )


def assert_summary(model: Any, style: str, rows: list[tuple[str, int]]) -> str:
    """Check every row and the totals of a fully trainable model; return the printed text."""
    table = read_summary(model, style)
    total = sum(count for _, count in rows)
    assert table.rows == rows, table.text
    assert table.totals == {"Total": total, "Trainable": total, "Non-trainable": 0}, table.text
    return table.text


def _number(digits: str) -> int:
    return int(digits.replace(",", ""))
