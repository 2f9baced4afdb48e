"""How far each engine's outputs are from what the network comes to in float64."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from bench import race, report, results
from bench.results import Record
from bench.worker import Maker, Worker, WorkerError, apart, load_engine
from bench.workloads import WORKLOADS

Array = NDArray[Any]

# In a batch, over which errors are averaged.
SAMPLES = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `python -m bench precision`."""
    race.add_choices(parser, list(WORKLOADS))


def main(options: argparse.Namespace) -> None:
    """Measure, print a table, and write results and table after each network."""
    console = Console()
    found: list[Record] = []
    versions: dict[str, str] = {}
    for name in options.workloads:
        console.print(f"{name} ...")
        found += (fresh := measure(name, options, versions))
        for result in fresh:
            if "missing" in result:
                console.print(f"  {result['engine']}: {result['missing']}", markup=False)
        if options.output:
            keep(found, versions, options)
    console.print(markdown(found), markup=False, highlight=False, soft_wrap=True)


def measure(name: str, options: Any, versions: dict[str, str]) -> list[Record]:
    """Measure all engines on one network, each in a process of its own, one after the other."""
    inputs = WORKLOADS[name].inputs(SAMPLES)
    subject = {"workload": name, "batch": SAMPLES, "threads": options.threads}
    found: list[Record] = []
    with race.files_of(name, options, "torch") as files:
        missing = dict(files.missing)
        try:
            truth = apart(in_float64, files.folder, inputs, patience=options.patience)
        except WorkerError as reason:
            missing = dict.fromkeys(options.engines, f"nothing in float64 beside it: {reason}")
        for engine in [each for each in options.engines if each not in missing]:
            try:
                outputs, versions[engine] = predict(engine, files.folder, inputs, options)
            except WorkerError as reason:
                missing[engine] = str(reason)
            else:
                found.append({**subject, "engine": engine, "error": error(outputs, truth)})
    return found + results.absent(subject, missing)


def predict(
    engine: str, folder: str, inputs: Array, options: Any, maker: Maker = load_engine
) -> tuple[Array, str]:
    """Return the outputs of an engine, and its version.

    Raises:
        WorkerError: it is missing, or refuses the network or the inputs.
    """
    worker = Worker(engine, folder, options.threads, maker, options.patience)
    try:
        return worker.outputs(inputs), worker.version
    finally:
        worker.close()


def in_float64(folder: str, inputs: Array) -> Array:
    """Compute a network in float64, by PyTorch; runs in a process of its own."""
    import torch

    from bench.engines.layouts import channels_first
    from bench.export.torch_file import FILE

    module = torch.load(Path(folder, FILE), weights_only=False).double()
    sample = torch.from_numpy(channels_first(inputs))
    with torch.inference_mode():
        outputs: Array = module(sample.double() if sample.is_floating_point() else sample).numpy()
    return outputs


def error(outputs: Array, truth: Array) -> float:
    """Return the root of the mean square error, as a part of that of the outputs."""
    differences = outputs.astype(np.float64) - truth
    return float(np.sqrt(np.mean(differences**2) / np.mean(truth**2)))


def keep(found: list[Record], versions: dict[str, str], options: Any) -> None:
    """Write the results so far, and the table."""
    race.keep_results("precision", found, versions, options)
    Path(options.output).with_suffix(".md").write_text(f"{markdown(found)}\n")


def markdown(found: list[Record]) -> str:
    """Write errors as a table, a line for each engine and a column for each network."""
    networks = list(dict.fromkeys(result["workload"] for result in found))
    engines = list(dict.fromkeys(result["engine"] for result in found))
    cells = {
        (result["engine"], result["workload"]): f"{result['error']:.1e}"
        for result in found
        if "error" in result
    }
    rows = [(engine, *(cells.get((engine, name), "") for name in networks)) for engine in engines]
    return "\n".join(report.table(("engine", *networks), rows))
