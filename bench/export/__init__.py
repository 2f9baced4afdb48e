"""Files of a network in each engine's own format, written before anything is timed.

Each format is written in a process of its own, so that the tools that write it weigh neither on
the memory nor on the start of the engine that reads it.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

from bench.worker import PATIENCE, WorkerError, apart


@dataclass(frozen=True)
class Format:
    """How a format is written.

    Attributes:
        module: has `write(workload name, folder)`.
        source: the format it is made from, written before.
    """

    module: str
    source: str | None = None


FORMATS = {
    "keras": Format("bench.export.keras_files"),
    "work": Format("bench.export.work", "keras"),
    "onnx": Format("bench.export.onnx_file", "keras"),
    "torch": Format("bench.export.torch_file", "keras"),
    "tflite": Format("bench.export.tflite_file", "keras"),
    "ncnn": Format("bench.export.ncnn_files", "keras"),
    "mnn": Format("bench.export.mnn_file", "onnx"),
}


def export(
    workload: str, folder: str, formats: set[str], patience: float = PATIENCE
) -> dict[str, str]:
    """Write a network's files.

    Args:
        workload: its name.
        folder: where to.
        formats: which; those they are made from are written too.
        patience: seconds that each may take.

    Returns:
        By format that could not be written, the reason.
    """
    failures: dict[str, str] = {}
    for name in with_sources(formats):
        source = FORMATS[name].source
        if source in failures:
            failures[name] = failures[source]
            continue
        try:
            apart(write, FORMATS[name].module, workload, folder, patience=patience)
        except WorkerError as error:
            failures[name] = f"no {name} file: {error}"
    return failures


def with_sources(formats: set[str]) -> list[str]:
    """Add the formats that others are made from, in the order of FORMATS."""
    wanted = set(formats)
    while missing := {FORMATS[name].source for name in wanted} - wanted - {None}:
        wanted |= {name for name in missing if name is not None}
    return [name for name in FORMATS if name in wanted]


def write(module: str, workload: str, folder: str) -> None:
    """Write one format; runs in a process of its own."""
    importlib.import_module(module).write(workload, folder)
