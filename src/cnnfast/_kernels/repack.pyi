import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.region import Work
from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class Repacker(Work):
    def __init__(
        self, items: list[tuple[Kernel, _Floats, _Floats | None, tuple[int, int, int, int] | None]]
    ) -> None: ...
    def run(self, threads: int) -> None: ...
