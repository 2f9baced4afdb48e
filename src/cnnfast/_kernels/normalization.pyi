import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class ScaleShift(Kernel):
    def __init__(
        self,
        rows: int,
        channels: int,
        scale: _Floats,
        shift: _Floats,
        activation: tuple[str, float, float, float] = ...,
    ) -> None: ...
    # Arrays are (any number of rows, channels).
    def run(self, inputs: _Floats, outputs: _Floats, threads: int) -> None: ...

class Gate(Kernel):
    def __init__(self, rows: int, channels: int) -> None: ...
    # Arrays are (images, rows * channels), (images, channels) and (images, rows * channels).
    def run(self, inputs: _Floats, gates: _Floats, outputs: _Floats, threads: int) -> None: ...
