import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]
_Places = NDArray[np.int32]

class PreluInputGradient(Kernel):
    def __init__(self, size: int, slopes: _Floats, places: _Places) -> None: ...
    def run(self, inputs: _Floats, gradients: _Floats, outputs: _Floats, threads: int) -> None: ...

class PreluSlopesGradient(Kernel):
    def __init__(self, size: int, places: _Places) -> None: ...
    def run(self, inputs: _Floats, gradients: _Floats, outputs: _Floats) -> None: ...
