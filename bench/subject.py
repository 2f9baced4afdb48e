"""What a micro-benchmark runs: one kernel with data of a shape that networks give it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

UNBOUNDED = float("inf")
LINEAR = ("linear", 0.0, UNBOUNDED, 0.0)
RELU = ("relu", 0.0, UNBOUNDED, 0.0)


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


def moved(name: str, kernel: Any, x: NDArray[Any], shape: tuple[int, ...], threads: int) -> Subject:
    """Count the bytes of inputs and outputs as the work of a kernel."""
    y = np.empty(shape, np.float32)
    size = x.nbytes + y.nbytes
    return Subject(name, lambda: kernel.run(x, y, threads), size, size / threads / 1e6)


def draw(*shape: int) -> NDArray[np.float32]:
    """Draw standard normal numbers."""
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
