"""Each kernel on its own, against the limit of the machine that binds it.

Arithmetic kernels are held against the FMA peak, kernels that move floats against the speed of
copying a block of the same size. Peak and kernels are measured in turns; best of all rounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from bench import limits, machine
from cnnfast._kernels.conv import Convolution
from cnnfast._kernels.dense import Dense
from cnnfast._kernels.elementwise import Activate, RowActivate
from cnnfast._kernels.pool import GlobalPooling, Pooling

LINEAR = ("linear", 0.0, float("inf"), 0.0)
ROUNDS = 10


class Subject(NamedTuple):
    """One kernel with data to run on.

    Attributes:
        name: of the kernel and its shapes.
        call: runs it once.
        work: floating-point operations of a call, or bytes read and written.
        megabytes: the size of the data of one thread where bytes are counted; 0: operations are.
    """

    name: str
    call: Callable[[], object]
    work: float
    megabytes: float = 0.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of `python -m bench micro`."""
    parser.add_argument("--threads", type=int, default=machine.describe()["threads"])
    parser.add_argument("--only", default="", help="part of the names to run")


def main(options: argparse.Namespace) -> None:
    """Measure all kernels and print a table."""
    console = Console()
    console.print(machine.describe())
    table = Table(title=f"{options.threads} threads")
    for column in ("kernel", "speed", "limit", "of the limit"):
        table.add_column(column, justify="left" if column == "kernel" else "right")
    for subject in subjects(options.threads):
        if options.only in subject.name:
            table.add_row(subject.name, *measure(subject, options.threads))
    console.print(table)


def measure(subject: Subject, threads: int) -> tuple[str, str, str]:
    """Return a kernel's speed, its limit and their ratio, both measured in turns."""
    speed = limit = 0.0
    for _ in range(ROUNDS):
        if subject.megabytes:
            limit = max(limit, limits.copy_bandwidth(subject.megabytes, threads, rounds=1))
        else:
            limit = max(limit, limits.fma_peak(threads, rounds=1))
        speed = max(speed, subject.work / limits.best_time(subject.call, rounds=3) / 1e9)
    unit = "GB/s" if subject.megabytes else "GFLOP/s"
    return f"{speed:.1f} {unit}", f"{limit:.1f}", f"{100 * speed / limit:.0f} %"


def subjects(threads: int) -> Iterator[Subject]:
    """List all kernels with the shapes that networks give them."""
    for H, C, images in ((56, 64, 8), (28, 128, 16), (14, 256, 32), (32, 32, 64), (16, 64, 128)):
        yield convolution(f"conv 3x3 {H}x{H}x{C}", (images, H, H, C), (3, 3, C, C), 1, threads)
    yield convolution("conv1d 100x128 -> 32, k 7", (64, 1, 100, 128), (1, 7, 128, 32), 0, threads)
    yield convolution("conv 3x3 28x28x1 -> 32", (64, 28, 28, 1), (3, 3, 1, 32), 0, threads)
    yield convolution("conv 7x7/2 224x224x3 -> 64", (4, 230, 230, 3), (7, 7, 3, 64), 0, threads, 2)
    yield dense(512, 1600, 512, threads)
    yield dense(1, 4096, 1000, threads)
    # Per thread: 0.4 MB in and out stays in L2, 25 MB does not stay in it.
    for where, images in (("L2", threads), ("memory", 64 * threads)):
        for kind in ("max", "average"):
            for pool, stride in ((2, 2), (3, 2)):
                yield pooling(f"{kind} pool {pool}x{pool}/{stride} 40x40x48, {where}", kind,
                              (images, 40, 40, 48), pool, stride, threads)  # fmt: skip
        yield global_pooling(f"global average pool 40x40x48, {where}", images, threads)
    for name in ("relu", "sigmoid", "tanh", "gelu", "exponential"):
        yield activation(name, threads)
    yield softmax(threads)


def convolution(
    name: str,
    shape: tuple[int, int, int, int],
    window: tuple[int, int, int, int],
    border: int,
    threads: int,
    stride: int = 1,
) -> Subject:
    """Convolve a batch."""
    N, H, W, C = shape
    R, S, _, K = window
    kernel = Convolution(
        H, W, C, draw(*window), draw(K), (stride, stride), (border,) * 4, (1, 1), 1, LINEAR
    )
    P, Q = (H + 2 * border - R) // stride + 1, (W + 2 * border - S) // stride + 1
    x, y = draw(*shape), np.empty((N, P, Q, K), np.float32)
    return Subject(name, lambda: kernel.run(x, y, threads), N * kernel.work)


def dense(rows: int, depth: int, columns: int, threads: int) -> Subject:
    """Multiply matrices."""
    kernel = Dense(1, draw(depth, columns), draw(columns), LINEAR)
    x, y = draw(rows, depth), np.empty((rows, columns), np.float32)
    name = f"dense {rows}x{depth}x{columns}"
    return Subject(name, lambda: kernel.run(x, y, threads), rows * kernel.work)


def pooling(
    name: str, kind: str, shape: tuple[int, int, int, int], pool: int, stride: int, threads: int
) -> Subject:
    """Pool a batch."""
    N, H, W, C = shape
    kernel = Pooling(kind, H, W, C, (pool, pool), (stride, stride), (0, 0, 0, 0))
    P = (H - pool) // stride + 1
    x, y = draw(*shape), np.empty((N, P, P, C), np.float32)
    return moved(name, lambda: kernel.run(x, y, threads), x, y, threads)


def global_pooling(name: str, images: int, threads: int) -> Subject:
    """Average a batch over its pixels."""
    kernel = GlobalPooling("average", 1600, 48)
    x, y = draw(images, 1600, 48), np.empty((images, 48), np.float32)
    return moved(name, lambda: kernel.run(x, y, threads), x, y, threads)


def activation(name: str, threads: int) -> Subject:
    """Apply an activation to data in L2."""
    kernel = Activate(32 * 1024, (name, 0.0, float("inf"), 0.0))
    x, y = draw(2 * threads, 32 * 1024), np.empty((2 * threads, 32 * 1024), np.float32)
    return moved(f"{name}, L2", lambda: kernel.run(x, y, threads), x, y, threads)


def softmax(threads: int) -> Subject:
    """Apply softmax to rows in L2."""
    kernel = RowActivate("softmax", 64, 1000)
    x, y = draw(64, 1000), np.empty((64, 1000), np.float32)
    return moved("softmax of 1000, L2", lambda: kernel.run(x, y, threads), x, y, threads)


def moved(
    name: str, call: Callable[[], object], x: NDArray[Any], y: NDArray[Any], threads: int
) -> Subject:
    """Count the bytes of inputs and outputs as the work."""
    size = x.nbytes + y.nbytes
    return Subject(name, call, size, size / threads / 1e6)


def draw(*shape: int) -> NDArray[np.float32]:
    """Draw standard normal numbers."""
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
