"""A trained network, images it never saw, and how fast it classifies them here.

The numbers that `cnnfast demo` shows are made by the functions of this module; `show` prints
them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from cnnfast import config
from cnnfast._kernels import dispatch, limits
from cnnfast.demo.digits import Digits, load_digits, load_network
from cnnfast.layers import Conv2D, Dense
from cnnfast.models import Model

BENCHMARK_IMAGES = 200_000
# The best of a few repetitions: whatever else runs on the machine only makes one slower. The
# shorter one is, the likelier it is left alone.
REPETITIONS = 3
PEAK_REPETITIONS = 100
# A few milliseconds of multiply-adds.
PEAK_ITERATIONS = 1_000_000


class Speed(NamedTuple):
    """How fast a model ran.

    Attributes:
        images: how many were classified.
        seconds: how long it took.
        operations: floating-point operations per image, a multiply-add counted as two.
        peak: floating-point operations per second of multiply-adds alone, on as many threads.
    """

    images: int
    seconds: float
    operations: float
    peak: float

    @property
    def images_per_second(self) -> float:
        """Images per second."""
        return self.images / self.seconds

    @property
    def fraction_of_peak(self) -> float:
        """Which part of the machine's multiply-adds was useful, from 0 to 1."""
        return self.images_per_second * self.operations / self.peak


def confusion(labels: NDArray[Any], predicted: NDArray[Any], classes: int) -> NDArray[np.int64]:
    """Count how often a label was taken for a class.

    Args:
        labels: integers in [0, classes), shape (N,).
        predicted: likewise.
        classes: how many there are.

    Returns:
        int64, shape (classes, classes): row is the label, column the prediction.
    """
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def operations_per_image(model: Model) -> float:
    """Count the floating-point operations of a model's convolutions and dense layers.

    Each element of a kernel is multiplied and added once at every position of the layer's output.

    Args:
        model: built, its layers' output shapes known but for the batch.
    """
    operations: float = 2.0 * sum(
        math.prod(layer.output_shape[1:-1]) * math.prod(layer.kernel.shape)
        for layer in model.layers
        if isinstance(layer, (Conv2D, Dense))
    )
    return operations


def measure(model: Model, images: NDArray[np.float32], count: int) -> Speed:
    """Classify images over and over, and measure what the machine could do meanwhile.

    Args:
        model: from `load_network`.
        images: float32, shape (N, 8, 8, 1).
        count: how many to classify; `images` are repeated to as many.
    """
    many = np.resize(images, (count, *images.shape[1:]))
    outputs = model.predict(many, verbose=0)
    rounds = [
        (best_time(1, lambda: model.predict(many, verbose=0, out=outputs)), multiply_add_rate())
        for _ in range(REPETITIONS)
    ]
    seconds, peaks = zip(*rounds, strict=True)
    return Speed(count, min(seconds), operations_per_image(model), max(peaks))


def multiply_add_rate() -> float:
    """Measure how many operations per second all threads do in registers, and nothing else."""
    threads = config.get_num_threads()
    operations = limits.multiply_adds(PEAK_ITERATIONS, threads)
    seconds = best_time(PEAK_REPETITIONS, lambda: limits.multiply_adds(PEAK_ITERATIONS, threads))
    return operations / seconds


def best_time(repetitions: int, action: Callable[[], object]) -> float:
    """Time an action.

    Args:
        repetitions: how often, at least once.
        action: what to do.

    Returns:
        Seconds that the fastest repetition took.
    """
    best = math.inf
    for _ in range(repetitions):
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return best


def show(console: Console, count: int = BENCHMARK_IMAGES) -> None:
    """Print the network, how well it reads digits, and how fast.

    Args:
        console: where to.
        count: images for the measurement of speed.
    """
    model, digits = load_network(), load_digits()
    model.summary(print_fn=lambda text: console.print(text, markup=False, highlight=False))
    show_accuracy(console, model, digits)
    _show_speed(console, measure(model, digits.images, count))


def show_accuracy(console: Console, model: Model, digits: Digits) -> None:
    """Print how many digits a network reads, and what it takes the others for.

    Args:
        console: where to.
        model: the network.
        digits: images that it was not trained on.
    """
    probabilities = model.predict(digits.images, verbose=0)
    predicted = probabilities.argmax(axis=1)
    right = int(np.count_nonzero(predicted == digits.labels))
    total = len(digits.labels)
    console.print(confusion_table(confusion(digits.labels, predicted, probabilities.shape[1])))
    console.print(
        f"Read {right} of {total} digits correctly that the network had never seen "
        f"({right / total:.1%}).\n"
    )


def confusion_table(counts: NDArray[np.int64]) -> Table:
    """Show how often a digit was taken for another.

    Args:
        counts: from `confusion`.
    """
    table = Table(title="Digits, and what they were taken for", title_justify="left")
    table.add_column("", justify="right", style="bold")
    for digit in range(len(counts)):
        table.add_column(str(digit), justify="right")
    for digit, row in enumerate(counts):
        table.add_row(str(digit), *(str(number) if number else "·" for number in row))
    return table


def _show_speed(console: Console, speed: Speed) -> None:
    threads = config.get_num_threads()
    console.print(
        f"Classified {speed.images:,} images in {speed.seconds:.2f} s "
        f"on {threads} thread{'s' * (threads > 1)} with {dispatch.active()}:\n"
        f"[bold]{speed.images_per_second:,.0f} images per second[/bold], "
        f"{speed.images_per_second * speed.operations / 1e9:,.1f} GFLOP/s.\n"
        f"That is {speed.fraction_of_peak:.0%} of the {speed.peak / 1e9:,.1f} GFLOP/s "
        "that multiply-adds in registers reach here.",
        highlight=False,
    )
