"""One sample at a time: how long most calls take, and how long the slow ones."""

from __future__ import annotations

import argparse
from itertools import chain
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import machine, race, results
from bench.interleave import Rounds, quantile
from bench.results import Record
from bench.workloads import WORKLOADS

SMALL = ["seed1d", "seed2d", "stock", "imdb", "mnist", "cifar", "audio"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `python -m bench latency`."""
    race.add_contest_arguments(parser, SMALL)
    parser.set_defaults(threads=1)


def main(options: argparse.Namespace) -> None:
    """Measure, print a table, and write results."""
    console = Console()
    console.print(machine.describe())
    found: list[Record] = []
    versions: dict[str, str] = {}
    for name in options.workloads:
        found += measure(name, options, versions)
        race.keep_results("latency", found, versions, options)
    console.print(table(found))


def measure(name: str, options: Any, versions: dict[str, str]) -> list[Record]:
    """Measure all engines on single samples of one network."""
    subject = {"workload": name, "batch": 1, "threads": options.threads}
    sample = WORKLOADS[name].inputs(1)
    with (
        race.files_of(name, options) as files,
        race.contest_of(options.engines, files, options, options.threads) as contest,
    ):
        contest.start(sample)
        versions |= {engine: worker.version for engine, worker in contest.workers.items()}
        contest.compare(sample)
        timed = contest.measure(options.rounds, options.seconds)
    found = [
        {**results.record({**subject, "engine": engine}, 1, rounds), **quantiles(rounds)}
        for engine, rounds in timed.items()
    ]
    return found + results.absent(subject, contest.missing)


def quantiles(rounds: Rounds) -> Record:
    """Return the microseconds that half of all calls take, and 99 of 100."""
    calls = list(chain.from_iterable(rounds))
    return {"p50": quantile(calls, 0.5) * 1e6, "p99": quantile(calls, 0.99) * 1e6}


def table(found: list[Record]) -> Table:
    """Lay out results, the fastest of each network first."""
    made = Table(title="microseconds a call, one sample")
    for column in ("network", "engine", "p50", "p99"):
        made.add_column(column, justify="right" if column.startswith("p") else "left")
    for result in sorted(found, key=lambda result: result.get("p50", float("inf"))):
        if "missing" in result:
            cells = ("missing", result["missing"])
        else:
            cells = (f"{result['p50']:,.1f}", f"{result['p99']:,.1f}")
        made.add_row(result["workload"], result["engine"], *cells)
    return made
