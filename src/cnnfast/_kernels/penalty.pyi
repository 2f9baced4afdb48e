import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class Penalty(Kernel):
    def __init__(self, size: int, l1: float, l2: float) -> None: ...
    def run(self, inputs: _Floats, outputs: _Floats) -> None: ...

class PenaltyGradient(Kernel):
    def __init__(self, size: int, l1: float, l2: float) -> None: ...
    def run(self, inputs: _Floats, shares: _Floats, outputs: _Floats) -> None: ...
