"""Whole networks: cnnfast beside its peers, in turns, with outputs checked first."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import limits, machine
from bench.engines import ENGINES
from bench.interleave import Timing, agree, take_turns
from bench.worker import Worker, WorkerError
from bench.workloads import WORKLOADS

REFERENCE = "cnnfast"


@dataclass
class Result:
    """One workload at one batch size: who was how fast, and who is missing for what reason."""

    workload: str
    batch: int
    timings: dict[str, Timing] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def rate(self, engine: str) -> float:
        """Return samples per second."""
        return self.batch / self.timings[engine].median

    def lead(self) -> float | None:
        """Return how many times faster cnnfast is than the best peer, None without peers."""
        peers = [self.rate(name) for name in self.timings if name != REFERENCE]
        return self.rate(REFERENCE) / max(peers) if peers else None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `python -m bench race`."""
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--threads", type=int, default=machine.describe()["threads"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="length of one turn")
    parser.add_argument("--batch", type=int, help="samples a call; each workload's own if left out")


def main(options: argparse.Namespace) -> None:
    """Race, and print a table."""
    console = Console()
    console.print(machine.describe())
    peak = limits.fma_peak(options.threads)
    table = Table(title=f"{options.threads} threads, float32, FMA peak {peak:.0f} GFLOP/s")
    for column in ("workload", "batch", "engine", "samples/s", "range", "cnnfast is"):
        table.add_column(column, justify="left" if column in ("workload", "engine") else "right")
    for name in options.workloads:
        add_rows(table, race(name, options.batch or WORKLOADS[name].batch, options))
    console.print(table)


def race(name: str, batch: int, options: Any) -> Result:
    """Race all engines on one workload."""
    result = Result(name, batch)
    workers = start_workers(name, options, result)
    try:
        keep_agreeing(workers, WORKLOADS[name].inputs(batch), result)
        result.timings = take_turns(workers, options.rounds, options.seconds)
    finally:
        for worker in workers.values():
            worker.close()
    return result


def start_workers(name: str, options: Any, result: Result) -> dict[str, Worker]:
    """Start a process for each engine; those that fail are noted as missing."""
    workers = {}
    for engine in options.engines:
        try:
            workers[engine] = Worker(engine, name, options.threads)
        except WorkerError as error:
            result.missing[engine] = str(error)
    return workers


def keep_agreeing(workers: dict[str, Worker], inputs: Any, result: Result) -> None:
    """Compare everybody's outputs with cnnfast's; those that differ are out of the race."""
    expected = workers[REFERENCE].outputs(inputs)
    for engine in [engine for engine in workers if engine != REFERENCE]:
        try:
            wrong = agree(expected, workers[engine].outputs(inputs))
        except WorkerError as error:
            wrong = str(error)
        if wrong:
            workers.pop(engine).close()
            result.missing[engine] = wrong


def add_rows(table: Table, result: Result) -> None:
    """Add a row for each engine, the fastest first."""
    order = sorted(result.timings, key=lambda engine: result.timings[engine].median)
    for engine in order:
        timing, rate = result.timings[engine], result.rate(engine)
        spread = f"{result.batch / timing.most:,.0f} - {result.batch / timing.least:,.0f}"
        ratio = "" if engine == REFERENCE else f"{result.rate(REFERENCE) / rate:.2f} x as fast"
        table.add_row(result.workload, f"{result.batch}", engine, f"{rate:,.0f}", spread, ratio)
    for engine, reason in result.missing.items():
        table.add_row(result.workload, f"{result.batch}", engine, "missing", reason, "")
    table.add_section()
