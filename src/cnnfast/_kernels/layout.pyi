import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class Pad(Kernel):
    def __init__(self, H: int, W: int, C: int, padding: tuple[int, int, int, int]) -> None: ...
    # Arrays are (N, H, W, C) and (N, top + H + bottom, left + W + right, C).
    def run(self, inputs: _Floats, outputs: _Floats, threads: int) -> None: ...

class Permute(Kernel):
    def __init__(self, shape: tuple[int, ...], axes: tuple[int, ...]) -> None: ...
    # Arrays are (N, floats of an image).
    def run(self, inputs: _Floats, outputs: _Floats, threads: int) -> None: ...

class Concatenate(Kernel):
    def __init__(self, rows: int, widths: tuple[int, ...]) -> None: ...
    # Arrays are (N, rows, their width).
    def run(self, inputs: list[_Floats], outputs: _Floats, threads: int) -> None: ...
