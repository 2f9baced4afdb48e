"""How cost grows with the batch, and what threads bring."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import machine, race, results
from bench.contest import Files
from bench.report import number
from bench.results import Record
from bench.workloads import WORKLOADS

BATCHES = [4**power for power in range(7)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `python -m bench scale`."""
    race.add_contest_arguments(parser, ["mnist"])
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)


def main(options: argparse.Namespace) -> None:
    """Measure, print tables, and write results."""
    console = Console()
    console.print(machine.describe())
    found: list[Record] = []
    versions: dict[str, str] = {}
    for name in options.workloads:
        with race.files_of(name, options) as files:
            for threads in thread_counts(options.threads):
                measured = measure(name, threads, files, options, versions)
                console.print(table(name, threads, measured))
                found += measured
                race.keep_results("scale", found, versions, options)


def thread_counts(most: int) -> list[int]:
    """Return 1, 2, 4, ... and the number of threads itself."""
    return sorted({most, *(2**power for power in range(most.bit_length()))})


def measure(
    name: str, threads: int, files: Files, options: Any, versions: dict[str, str]
) -> list[Record]:
    """Measure all engines on one network with so many threads, batch by batch."""
    found: list[Record] = []
    with race.contest_of(options.engines, files, options, threads) as contest:
        contest.start(WORKLOADS[name].inputs(1))
        versions |= {engine: worker.version for engine, worker in contest.workers.items()}
        for batch in sorted(options.batches):
            subject = {"workload": name, "batch": batch, "threads": threads}
            contest.compare(WORKLOADS[name].inputs(batch))
            timed = contest.measure(options.rounds, options.seconds)
            found += [
                results.record({**subject, "engine": engine}, batch, rounds)
                for engine, rounds in timed.items()
            ]
            found += results.absent(subject, contest.missing)
    return found


def table(name: str, threads: int, found: list[Record]) -> Table:
    """Lay out results, a line for each batch size."""
    engines = list(dict.fromkeys(result["engine"] for result in found))
    made = Table(title=f"{name}, {threads} threads: samples/s")
    for column in ("batch", *engines):
        made.add_column(column, justify="right")
    for batch in dict.fromkeys(result["batch"] for result in found):
        made.add_row(f"{batch}", *cells(batch, engines, found))
    return made


def cells(batch: int, engines: list[str], found: list[Record]) -> Iterable[str]:
    """Write the rates of one batch size."""
    rates = {result["engine"]: result.get("rate") for result in found if result["batch"] == batch}
    return [number(rate) if (rate := rates.get(engine)) else "missing" for engine in engines]
