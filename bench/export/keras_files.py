"""Config and weights, which cnnfast and Keras read and everything else is made from."""

from __future__ import annotations

from bench import applications, model_files
from bench.workloads import WORKLOADS


def write(workload: str, folder: str) -> None:
    """Build a network and write both files."""
    chosen = WORKLOADS[workload]
    model = chosen.model() if chosen.build else applications.build(workload)
    model_files.save(model, folder)
