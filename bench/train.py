"""Training: samples a second of an epoch, after its loss has been compared."""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from bench import machine, results
from bench.contest import Contest, Files
from bench.report import number
from bench.results import Record
from bench.trainers import TRAINERS, Lesson, load_trainer
from bench.worker import PATIENCE
from bench.workloads import WORKLOADS

# Optimizers place their epsilons differently, which tells after some steps; a wrong gradient
# tells more.
AGREEMENT = 1e-2


class Course(NamedTuple):
    """How a network is trained: with how many classes, in which batches, by which optimizer."""

    classes: int
    batch: int
    optimizer: str


COURSES = {
    "seed1d": Course(2, 32, "adam"),
    "seed2d": Course(2, 32, "adam"),
    "stock": Course(2, 32, "adam"),
    "imdb": Course(2, 128, "rmsprop"),
    "mnist": Course(10, 128, "adam"),
    "cifar": Course(10, 128, "adam"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `python -m bench train`."""
    parser.add_argument("--workloads", nargs="+", choices=COURSES, default=list(COURSES))
    parser.add_argument("--engines", nargs="+", choices=TRAINERS, default=list(TRAINERS))
    parser.add_argument("--threads", type=int, default=machine.describe()["threads"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--samples", type=int, default=4096, help="in an epoch")
    parser.add_argument("--patience", type=float, default=PATIENCE)
    parser.add_argument("--output", help="file for the results")


def main(options: argparse.Namespace) -> None:
    """Measure, print a table, and write results."""
    console = Console()
    console.print(machine.describe())
    found: list[Record] = []
    versions: dict[str, str] = {}
    for name in options.workloads:
        found += measure(name, options, versions)
        if options.output:
            keep(found, versions, options)
    console.print(table(found))


def keep(found: list[Record], versions: dict[str, str], options: Any) -> None:
    """Write the results so far."""
    settings = {key: getattr(options, key) for key in ("threads", "rounds", "samples")}
    described = results.engines(versions, TRAINERS)
    results.write(options.output, results.document("train", settings, found, engines=described))


def measure(name: str, options: Any, versions: dict[str, str]) -> list[Record]:
    """Train one network with all trainers, epoch by epoch in turns."""
    lesson = lesson_of(name, options.samples)
    subject = {"workload": name, "batch": lesson.batch, "threads": options.threads}
    needs = {trainer: TRAINERS[trainer].file for trainer in options.engines}
    with (
        Files(name, needs, patience=options.patience) as files,
        Contest(
            options.engines, files.folder, options.threads,
            dict.fromkeys(options.engines, AGREEMENT), files.missing,
            load_trainer, options.patience,
        ) as contest,
    ):  # fmt: skip
        contest.start(lesson_of(name, lesson.batch))
        versions |= {engine: worker.version for engine, worker in contest.workers.items()}
        contest.compare(lesson)
        timed = contest.measure(options.rounds, 0.0)
    found = [
        results.record({**subject, "engine": engine}, len(lesson.inputs), rounds)
        for engine, rounds in timed.items()
    ]
    return found + results.absent(subject, contest.missing)


def lesson_of(name: str, samples: int) -> Lesson:
    """Draw samples and labels: nothing is to be learnt, only to be computed.

    Args:
        name: of the network.
        samples: how many, cut down to whole batches.
    """
    course = COURSES[name]
    count = max(1, samples // course.batch) * course.batch
    labels = np.random.default_rng(1).integers(0, course.classes, count, dtype=np.int32)
    return Lesson(WORKLOADS[name].inputs(count), labels, course.batch, course.optimizer)


def table(found: list[Record]) -> Table:
    """Lay out results, the fastest of each network first."""
    made = Table(title="training, samples/s")
    for column in ("network", "batch", "engine", "samples/s", "range"):
        made.add_column(column)
    for result in sorted(found, key=lambda result: (result["workload"], -result.get("rate", 0))):
        if "missing" in result:
            cells = ("missing", result["missing"])
        else:
            cells = (number(result["rate"]), f"{number(result['low'])} - {number(result['high'])}")
        made.add_row(result["workload"], f"{result['batch']}", result["engine"], *cells)
    return made
