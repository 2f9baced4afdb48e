import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class RowGradient(Kernel):
    def __init__(self, name: str, rows: int, columns: int) -> None: ...
    # Arrays are (any number of rows, columns).
    def run(self, values: _Floats, gradients: _Floats, outputs: _Floats, threads: int) -> None: ...
