import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class MaskedMean(Kernel):
    def __init__(self, steps: int, channels: int) -> None: ...
    def run(self, inputs: _Floats, masks: _Floats, outputs: _Floats, threads: int) -> None: ...

class MaskedMeanGradient(Kernel):
    def __init__(self, steps: int, channels: int) -> None: ...
    def run(self, gradients: _Floats, masks: _Floats, results: _Floats, threads: int) -> None: ...
