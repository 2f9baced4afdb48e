"""Whole networks: cnnfast beside its peers, in turns, with outputs checked first."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import bound, limits, machine, picture, report, results
from bench.agreement import TOLERANCES
from bench.contest import Contest, Files
from bench.engines import ENGINES
from bench.ratios import geometric_mean, leads
from bench.results import Record
from bench.worker import PATIENCE
from bench.workloads import WORKLOADS

# Stands for the large batch that each network has of its own.
LARGE = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `python -m bench race`."""
    add_contest_arguments(parser, list(WORKLOADS))
    parser.add_argument("--batches", nargs="+", type=batch_size, default=[1, 32, LARGE],
                        help="samples a call; `large` is each network's own")  # fmt: skip


def batch_size(text: str) -> int:
    """Read a batch size.

    Raises:
        ValueError: it is neither a positive number nor `large`.
    """
    size = LARGE if text == "large" else int(text)
    if size < 1 and text != "large":
        raise ValueError(text)
    return size


def add_contest_arguments(parser: argparse.ArgumentParser, workloads: list[str]) -> None:
    """Describe the options that all contests of engines have."""
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=workloads)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--threads", type=int, default=machine.describe()["threads"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="length of one turn")
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds for an answer")
    parser.add_argument("--output", help="file for the results; tables and pictures beside it")


def main(options: argparse.Namespace) -> None:
    """Race, print a table, and write results, table and picture."""
    console = Console()
    console.print(machine.describe())
    run = race(options, console)
    markdown = report.markdown(run)
    console.print(markdown, markup=False, highlight=False, soft_wrap=True)
    if options.output:
        results.write(options.output, run)
        Path(options.output).with_suffix(".md").write_text(markdown)
        picture.draw(run, Path(options.output).with_suffix(".png"))


def race(options: Any, console: Console) -> Record:
    """Race all networks, one after the other."""
    found: list[Record] = []
    versions: dict[str, str] = {}
    peak = 0.0
    for name in options.workloads:
        console.print(f"{name} ...")
        peak = max(peak, limits.fma_peak(options.threads))
        found += race_network(name, options, peak, versions)
    settings = {key: getattr(options, key) for key in ("threads", "rounds", "seconds")}
    described = results.engines(versions, ENGINES)
    return results.document(
        "race", settings, found, limits={"fma_peak": peak}, engines=described,
        leads=(ahead := leads(found, described)),
        geometric_mean=geometric_mean(lead["ratio"] for lead in ahead),
    )  # fmt: skip


def race_network(name: str, options: Any, peak: float, versions: dict[str, str]) -> list[Record]:
    """Race one network at all batch sizes, the smallest first: memory only ever grows."""
    workload, found = WORKLOADS[name], []
    with (
        files_of(name, options, "work") as files,
        contest_of(files, options) as contest,
    ):
        work = json.loads(path.read_text()) if (path := files.path("work.json")).exists() else None
        contest.start(workload.inputs(1))
        versions |= {engine: worker.version for engine, worker in contest.workers.items()}
        for batch in sorted({size or workload.batch for size in options.batches}):
            limit = bound.rate(work, batch, peak, options.threads) if work else None
            found += race_batch(contest, name, batch, options, limit)
    return found


def files_of(name: str, options: Any, *extra: str) -> Files:
    """Write the files that the engines read that were asked for."""
    needs = {engine: ENGINES[engine].file for engine in options.engines}
    return Files(name, needs, extra, options.patience)


def contest_of(files: Files, options: Any, threads: int | None = None) -> Contest:
    """Set up a contest of the engines that were asked for."""
    tolerances = {engine: TOLERANCES[ENGINES[engine].precision] for engine in options.engines}
    return Contest(
        options.engines, files.folder, threads or options.threads, tolerances, files.missing,
        patience=options.patience,
    )  # fmt: skip


def race_batch(
    contest: Contest, name: str, batch: int, options: Any, limit: float | None
) -> list[Record]:
    """Race one network at one batch size."""
    subject = {"workload": name, "batch": batch, "threads": options.threads}
    contest.compare(WORKLOADS[name].inputs(batch))
    timed = contest.measure(options.rounds, options.seconds)
    memory = contest.peak_memory()
    found = [
        {
            **results.record({**subject, "engine": engine}, batch, rounds),
            "limit": limit,
            "peak_megabytes": memory[engine],
            "first_prediction_seconds": contest.first[engine],
        }
        for engine, rounds in timed.items()
    ]
    return found + results.absent(subject, contest.missing)
