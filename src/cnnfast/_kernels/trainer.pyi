from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.region import Work
from cnnfast._kernels.step import Kernel

_Place = Literal["input", "output", "arena", "wave", "gradient", "sum", "moment"]
_Slot = tuple[_Place, int, int]

class TrainingProgram(Work):
    def __init__(
        self,
        steps: list[tuple[Kernel, tuple[_Slot, ...], _Slot]],
        phases: tuple[tuple[int, int, int, int, int], ...],
        inputs: tuple[int, ...],
        outputs: tuple[int, ...],
        wave: int,
        gradient: int,
        moments: int,
        losses: tuple[tuple[int, int], ...],
    ) -> None: ...
    def run(
        self,
        inputs: list[NDArray[Any]],
        outputs: list[NDArray[Any]],
        gradient: NDArray[np.float32],
        moments: NDArray[np.float32],
        images: int,
        groups: tuple[int, ...],
        slots: int,
        threads: int,
        before: Iterable[Work] = (),
        behind: Iterable[Work] = (),
    ) -> float | None: ...
    @property
    def work(self) -> float: ...
