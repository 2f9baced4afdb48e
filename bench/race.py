"""Whole networks: cnnfast beside its peers, in turns, with outputs checked first."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import bound, limits, machine, picture, report, results
from bench.agreement import TOLERANCES
from bench.contest import Contest, Files
from bench.engines import ENGINES
from bench.instruction_sets import SWITCHES
from bench.ratios import geometric_mean, leads
from bench.results import Record
from bench.tally import Tally, heats
from bench.worker import PATIENCE
from bench.workloads import WORKLOADS

# Stands for the large batch that each network has of its own.
LARGE = 0

# Options that results are kept with.
SETTINGS = ("threads", "rounds", "seconds")


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
    add_choices(parser, workloads)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="length of one turn")


def add_choices(parser: argparse.ArgumentParser, workloads: list[str]) -> None:
    """Describe the options that say who does what."""
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=workloads)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--threads", type=int, default=machine.describe()["threads"])
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds for an answer")
    parser.add_argument("--isa", choices=SWITCHES, help="hold those to it who have a switch")
    parser.add_argument("--output", help="file for the results; tables and pictures beside it")


def main(options: argparse.Namespace) -> None:
    """Race, print a table, and write results, table and picture after each network.

    A race over all networks takes hours; what is done is kept when the rest is interrupted.
    """
    console = Console()
    console.print(machine.describe())
    for run in race(options, console):
        if options.output:
            keep(run, Path(options.output))
    console.print(report.markdown(run), markup=False, highlight=False, soft_wrap=True)


def keep_results(kind: str, found: list[Record], versions: dict[str, str], options: Any) -> None:
    """Write what a contest of another kind has found so far, if a file was named for it."""
    if options.output:
        described = results.engines(versions, ENGINES)
        run = results.document(kind, settings_of(options), found, engines=described)
        results.write(options.output, run)


def settings_of(options: Any) -> Record:
    """Return how a contest measures, as far as its kind has a choice."""
    return {key: value for key, value in vars(options).items() if key in SETTINGS}


def keep(run: Record, output: Path) -> None:
    """Write the results so far, the table and the picture."""
    results.write(output, run)
    output.with_suffix(".md").write_text(report.markdown(run))
    picture.draw(run, output.with_suffix(".png"))


def race(options: Any, console: Console) -> Iterator[Record]:
    """Race all networks, one after the other; give the results so far after each."""
    found: list[Record] = []
    versions: dict[str, str] = {}
    peak = 0.0
    for name in options.workloads:
        console.print(f"{name} ...")
        peak = max(peak, limits.fma_peak(options.threads))
        found += race_network(name, options, peak, versions)
        yield so_far(found, versions, peak, options)


def so_far(found: list[Record], versions: dict[str, str], peak: float, options: Any) -> Record:
    """Put the results found until now together."""
    described = results.engines(versions, ENGINES)
    return results.document(
        "race", settings_of(options), found, limits={"fma_peak": peak}, engines=described,
        leads=(ahead := leads(found, described)),
        geometric_mean=geometric_mean(lead["ratio"] for lead in ahead),
    )  # fmt: skip


def race_network(name: str, options: Any, peak: float, versions: dict[str, str]) -> list[Record]:
    """Race one network at all batch sizes."""
    workload, tally = WORKLOADS[name], Tally(name, options.threads)
    batches = sorted({size or workload.batch for size in options.batches})
    with files_of(name, options, "work") as files:
        path = files.path("work.json")
        work = json.loads(path.read_text()) if path.exists() else None
        for heat in heats(options.engines, workload.together):
            race_heat(heat, files, batches, options, tally)
    versions |= tally.versions
    found = []
    for batch in batches:
        limit = bound.rate(work, batch, peak, options.threads) if work else None
        found += tally.records(batch, limit)
    return found


def race_heat(
    engines: list[str], files: Files, batches: list[int], options: Any, tally: Tally
) -> None:
    """Race some engines on one network, the smallest batch first: memory only ever grows."""
    workload = WORKLOADS[tally.workload]
    with contest_of(engines, files, options, options.threads) as contest:
        contest.start(workload.inputs(1))
        tally.started(contest)
        for batch in batches:
            contest.compare(workload.inputs(batch))
            tally.add(contest, batch, contest.measure(options.rounds, options.seconds))


def files_of(name: str, options: Any, *extra: str) -> Files:
    """Write the files that the engines read that were asked for."""
    needs = {engine: ENGINES[engine].file for engine in options.engines}
    return Files(name, needs, extra, options.patience)


def contest_of(engines: Sequence[str], files: Files, options: Any, threads: int) -> Contest:
    """Set up a contest."""
    tolerances = {name: TOLERANCES[ENGINES[name].precision] for name in engines}
    missing = {name: why for name, why in files.missing.items() if name in engines}
    return Contest(engines, files.folder, threads, tolerances, missing, patience=options.patience)
