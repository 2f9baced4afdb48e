import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class StepMask(Kernel):
    def __init__(self, rows: int, channels: int, value: float) -> None: ...
    def run(self, inputs: _Floats, outputs: _Floats) -> None: ...
