"""Each kernel on its own, against the limit of the machine that binds it.

Arithmetic kernels are held against the FMA peak, kernels that move floats against the speed of
copying a block of the same size. Peak and kernels are measured in turns; best of all rounds.
"""

from __future__ import annotations

import argparse

from rich.console import Console
from rich.table import Table

from bench import limits, machine, results
from bench.kernels import Subject, subjects
from bench.results import Record


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `python -m bench micro`."""
    parser.add_argument("--threads", type=int, default=machine.describe()["threads"])
    parser.add_argument("--only", default="", help="part of the names to run")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--output", help="file for the results")


def main(options: argparse.Namespace) -> None:
    """Measure all kernels, print a table, and write results."""
    console = Console()
    console.print(machine.describe())
    found = [
        measure(subject, options.threads, options.rounds)
        for subject in subjects(options.threads)
        if options.only in subject.name
    ]
    console.print(table(found, options.threads))
    if options.output:
        settings = {"threads": options.threads, "rounds": options.rounds}
        results.write(options.output, results.document("micro", settings, found))


def measure(subject: Subject, threads: int, rounds: int) -> Record:
    """Return a kernel's speed and its limit, both measured in turns."""
    speeds, limit = [], 0.0
    for _ in range(rounds):
        if subject.megabytes:
            limit = max(limit, limits.copy_bandwidth(subject.megabytes, threads, rounds=1))
        else:
            limit = max(limit, limits.fma_peak(threads, rounds=1))
        speeds.append(subject.work / limits.best_time(subject.call, rounds=3) / 1e9)
    return {
        "kernel": subject.name,
        "threads": threads,
        "unit": "GB/s" if subject.megabytes else "GFLOP/s",
        "rate": max(speeds),
        "low": min(speeds),
        "high": max(speeds),
        "limit": limit,
    }


def table(found: list[Record], threads: int) -> Table:
    """Lay out results."""
    made = Table(title=f"{threads} threads")
    for column in ("kernel", "speed", "limit", "of the limit"):
        made.add_column(column, justify="left" if column == "kernel" else "right")
    for result in found:
        made.add_row(
            result["kernel"], f"{result['rate']:.1f} {result['unit']}", f"{result['limit']:.1f}",
            f"{100 * result['rate'] / result['limit']:.0f} %",
        )  # fmt: skip
    return made
