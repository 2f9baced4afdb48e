"""Two runs side by side: what became faster, what slower, and whether more than noise says so."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import results
from bench.ratios import geometric_mean
from bench.results import IDENTITY, Record


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `python -m bench compare`."""
    parser.add_argument("before", help="results of one run")
    parser.add_argument("after", help="results of another")


def main(options: argparse.Namespace) -> None:
    """Read both, and print a table."""
    console = Console()
    before, after = results.read(options.before), results.read(options.after)
    if before["machine"]["cpu"] != after["machine"]["cpu"]:
        console.print(f"Other machines: {before['machine']['cpu']}, {after['machine']['cpu']}.")
    compared = compare(before["results"], after["results"])
    console.print(table(compared))
    mean = geometric_mean(line["ratio"] for line in compared if "ratio" in line)
    if mean is not None:
        console.print(f"Geometric mean of the ratios: {mean:.3f}")


def compare(before: list[Record], after: list[Record]) -> list[Record]:
    """Match results by what they are of.

    Returns:
        For each subject of either run its name and a verdict; and, where both have a rate, the
        `ratio` of the second to the first.
    """
    first, second = by_subject(before), by_subject(after)
    return [
        {"subject": subject, **change(first.get(subject), second.get(subject))}
        for subject in dict.fromkeys((*first, *second))
    ]


def by_subject(found: list[Record]) -> dict[str, Record]:
    """Name each result by its fields of IDENTITY."""
    return {
        ", ".join(part(field, result[field]) for field in IDENTITY if field in result): result
        for result in found
    }


def part(field: str, value: Any) -> str:
    """Write a field of a name; numbers need to be told what they are of."""
    return value if isinstance(value, str) else f"{field} {value}"


def change(first: Record | None, second: Record | None) -> Record:
    """Judge one subject: a change counts if the ranges of rounds do not overlap."""
    if first is None or second is None or "missing" in first or "missing" in second:
        return {"verdict": verdict_without_rates(first, second)}
    if second["low"] > first["high"]:
        verdict = "faster"
    elif second["high"] < first["low"]:
        verdict = "slower"
    else:
        verdict = "within the noise"
    return {"verdict": verdict, "ratio": second["rate"] / first["rate"]}


def has_rate(result: Record | None) -> bool:
    """Tell whether there is a result with a rate."""
    return result is not None and "rate" in result


def verdict_without_rates(first: Record | None, second: Record | None) -> str:
    """Say which of the two has no rate."""
    if has_rate(first):
        return "gone" if second is None else f"now missing: {second['missing']}"
    if has_rate(second):
        return "new"
    return "missing"


def table(compared: list[Record]) -> Table:
    """Lay out a comparison."""
    made = Table()
    for column in ("subject", "after / before", "verdict"):
        made.add_column(column, justify="right" if "/" in column else "left")
    for line in compared:
        made.add_row(line["subject"], shown(line.get("ratio")), line["verdict"])
    return made


def shown(ratio: Any) -> str:
    """Write a ratio, nothing if there is none."""
    return "" if ratio is None else f"{ratio:.3f}"
