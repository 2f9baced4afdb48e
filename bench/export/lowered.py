"""The operations of a network, which most formats are written from."""

from __future__ import annotations

from bench import model_files
from bench.workloads import WORKLOADS
from cnnfast.engine.graph import Graph
from cnnfast.models import model_from_json


def graph(workload: str, folder: str) -> Graph:
    """Read a network and lower it to operations, as its layers do: nothing folded yet."""
    chosen = WORKLOADS[workload]
    lowered = Graph()
    value = lowered.input(chosen.shape, "int32" if chosen.vocabulary else "float32")
    lowered.output(model_files.load(folder, model_from_json).lower(lowered, value))
    return lowered
