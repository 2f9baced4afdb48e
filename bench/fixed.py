"""What is paid besides the arithmetic: per call, at import, and in memory."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np
from rich.console import Console

from bench import limits, machine, networks
from bench.workloads import WORKLOADS

PREDICT_MEMMAP = """
import resource, sys, tempfile
import numpy as np
from bench.workloads import WORKLOADS
samples = 100_000
with tempfile.TemporaryDirectory() as folder:
    with open(f"{folder}/images", "wb") as file:
        for _ in range(100):
            file.write(np.full((samples // 100, 784), 0.5, np.float32))
    shape = (samples, 28, 28, 1)
    images = np.memmap(f"{folder}/images", np.float32, "r", shape=shape)
    WORKLOADS["mnist"].model().predict(images, verbose=0)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(peak / (1e6 if sys.platform == "darwin" else 1e3))
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `python -m bench fixed`."""
    parser.add_argument("--rounds", type=int, default=11)


def main(options: argparse.Namespace) -> None:
    """Measure, and print a line each."""
    console = Console()
    console.print(machine.describe())
    console.print(f"model(x), one 4x4 image: {call_cost():.2f} microseconds")
    console.print(f"import cnnfast: {import_cost(options.rounds):.0f} ms")
    cold, warm, share = plan_cost(networks.resnet50())
    console.print(
        f"plan of ResNet50: {cold:.2f} s of a CPU, {warm:.2f} s after a weight has changed; "
        f"packed weights take {share:.2f} times the memory of the weights"
    )
    console.print(
        f"predict on 100,000 MNIST-sized images in an np.memmap: {memmap_memory():.0f} MB at most"
    )


def call_cost() -> float:
    """Return microseconds per call of the smallest network on one sample."""
    workload = WORKLOADS["seed2d"]
    model, image = workload.model(), workload.inputs(1)

    def calls() -> None:
        for _ in range(1000):
            model(image)

    return limits.best_time(calls) * 1e3


def plan_cost(model: Any) -> tuple[float, float, float]:
    """Return the CPU seconds of making a model's plan, cold and again, and what it takes.

    Returns:
        Seconds of the first time, with the memory it asks the system for; seconds after a weight
        has changed; bytes of packed weights over bytes of weights.
    """
    cold = plan_seconds(model)
    share = model.plan(1).weights / sum(4 * np.size(array) for array in model.get_weights())
    weight = model.weights[0]
    weight.assign(np.array(weight))
    return cold, plan_seconds(model), share


def plan_seconds(model: Any) -> float:
    """Return the CPU seconds until a model's plan is there."""
    start = time.process_time()
    model.plan(1)
    return time.process_time() - start


def import_cost(rounds: int) -> float:
    """Return milliseconds that a process takes longer with the import than without, median."""
    pairs = [(process_time("import cnnfast"), process_time("pass")) for _ in range(rounds)]
    return statistics.median(loaded - bare for loaded, bare in pairs) * 1e3


def process_time(program: str) -> float:
    """Return the seconds a Python process takes."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def memmap_memory() -> float:
    """Return the peak resident memory, in MB, of a process that predicts from a large file."""
    finished = subprocess.run(
        [sys.executable, "-c", PREDICT_MEMMAP], check=True, capture_output=True, text=True
    )
    return float(finished.stdout)
