"""A race as Markdown: who was how fast, and what it came to."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

Record = dict[str, Any]

COLUMNS = (
    "engine", "samples/s", "slowest - fastest round", "of the limit", "peak memory",
    "first prediction",
)  # fmt: skip


def markdown(run: Record) -> str:
    """Write a run of the race as tables."""
    return "\n".join([*heading(run), *networks(run), *summary(run), *engines(run)]) + "\n"


def heading(run: Record) -> list[str]:
    """Say what it was measured on, and how."""
    machine, settings = run["machine"], run["settings"]
    return [
        f"{machine['cpu']}, {settings['threads']} threads, cnnfast with "
        f"{machine['instruction_set']}, {machine['system']}, Python {machine['python']}. "
        f"FMA peak {run['limits']['fma_peak']:.0f} GFLOP/s. "
        f"Medians of {settings['rounds']} rounds in turns; float32 where nothing else is said.",
        "",
    ]


def networks(run: Record) -> list[str]:
    """Write a table for each network and batch size."""
    lines = []
    for (workload, batch), group in groupby(run["results"], key=subject):
        lines += [f"### {workload}, batch {batch}", "", *table(COLUMNS, map(row, order(group))), ""]
    return lines


def subject(result: Record) -> tuple[str, int]:
    """Name what a result belongs to."""
    return result["workload"], result["batch"]


def order(group: Iterable[Record]) -> list[Record]:
    """Put the fastest first and the missing last."""
    return sorted(group, key=lambda result: -result.get("rate", 0.0))


def row(result: Record) -> tuple[str, ...]:
    """Write one engine's line."""
    if "missing" in result:
        return result["engine"], f"missing: {result['missing']}", "", "", "", ""
    limit = result["limit"]
    return (
        result["engine"],
        number(result["rate"]),
        f"{number(result['low'])} - {number(result['high'])}",
        f"{100 * result['rate'] / limit:.0f} %" if limit else "",
        f"{result['peak_megabytes']:.0f} MB",
        f"{result['first_prediction_seconds']:.2f} s",
    )


def summary(run: Record) -> list[str]:
    """Write cnnfast's ratios to the best peers."""
    if not run["leads"]:
        return []
    rows = [
        (lead["workload"], str(lead["batch"]), lead["best"], f"{lead['ratio']:.2f}")
        for lead in run["leads"]
    ]
    columns = ("workload", "batch", "best peer", "cnnfast is so many times as fast")
    mean = f"Geometric mean of the ratios: **{run['geometric_mean']:.2f}**"
    return [*table(columns, rows), "", mean, ""]


def engines(run: Record) -> list[str]:
    """Write what took part."""
    rows = [
        (name, about["version"], about["precision"], size(about["installed_megabytes"]))
        for name, about in run["engines"].items()
    ]
    return table(("engine", "version", "precision", "installed"), rows)


def size(megabytes: float | None) -> str:
    """Write a size on disk."""
    return "" if megabytes is None else f"{megabytes:,.0f} MB"


def table(columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Write a table."""
    names = list(columns)
    cells = [names, ["---"] * len(names), *rows]
    return ["| " + " | ".join(line) + " |" for line in cells]


def number(value: float) -> str:
    """Write a number with three digits that count, in thousands or millions where it is large."""
    for unit, name in ((1e6, " M"), (1e3, " k"), (1.0, "")):
        if value >= unit:
            digits = 2 if value < 10 * unit else 1 if value < 100 * unit else 0
            return f"{value / unit:.{digits}f}{name}"
    return f"{value:.3g}"
