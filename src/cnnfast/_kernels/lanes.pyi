import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.stages import Stage
from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class Lanes(Kernel):
    def __init__(
        self, inputs: int, stages: list[Stage], alone: list[tuple[Kernel, int]], few: int
    ) -> None: ...
    # Arrays are (N, values of an image) and (N, values of a result).
    def run(self, inputs: _Floats, outputs: _Floats, threads: int) -> None: ...
