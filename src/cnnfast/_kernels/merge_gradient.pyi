import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class Negative(Kernel):
    def __init__(self, size: int) -> None: ...
    # gradients, outputs, threads
    def run(self, *arguments: _Floats | int) -> None: ...

class Choice(Kernel):
    def __init__(self, size: int, place: int) -> None: ...
    # inputs_0, ..., inputs_place, outputs of the forward pass, gradients, outputs, threads
    def run(self, *arguments: _Floats | int) -> None: ...

class GateGradient(Kernel):
    def __init__(self, rows: int, channels: int) -> None: ...
    def run(self, inputs: _Floats, gradients: _Floats, outputs: _Floats, threads: int) -> None: ...
