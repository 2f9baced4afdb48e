import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class EnlargeGradient(Kernel):
    def __init__(self, how: str, H: int, W: int, C: int, factors: tuple[int, int]) -> None: ...
    def run(self, gradients: _Floats, outputs: _Floats, threads: int) -> None: ...
