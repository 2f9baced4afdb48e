from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Slot = tuple[Literal["input", "output", "arena", "gradient"], int, int]

class TrainingProgram:
    def __init__(
        self,
        steps: list[tuple[Kernel, tuple[_Slot, ...], _Slot]],
        inputs: tuple[int, ...],
        outputs: tuple[int, ...],
        arena: int,
        gradient: int,
        losses: tuple[tuple[int, int], ...],
    ) -> None: ...
    def run(
        self,
        inputs: list[NDArray[Any]],
        outputs: list[NDArray[Any]],
        gradient: NDArray[np.float32],
        images: int,
        group: int,
        slots: int,
        threads: int,
    ) -> float | None: ...
    @property
    def work(self) -> float: ...
