from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Slot = tuple[str, int, int] | tuple[str, int, int, int]

LARGEST_GROUP: int

class Program:
    @property
    def work(self) -> float: ...
    def __init__(
        self,
        steps: Sequence[tuple[Kernel, tuple[_Slot, ...], _Slot]],
        inputs: tuple[int, ...],
        outputs: tuple[int, ...],
        wave: int,
        segments: list[tuple[int, int, int]] | None = None,
    ) -> None: ...
    def run(
        self, inputs: list[NDArray[Any]], outputs: list[NDArray[Any]], images: int, threads: int
    ) -> bool: ...
