from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]
_Kind = Literal["max", "average"]

class Pooling(Kernel):
    def __init__(
        self,
        kind: _Kind,
        H: int,
        W: int,
        C: int,
        pool: tuple[int, int],
        strides: tuple[int, int],
        padding: tuple[int, int, int, int],
    ) -> None: ...
    # Arrays are (N, H, W, C) and (N, P, Q, C).
    def run(self, inputs: _Floats, outputs: _Floats, threads: int) -> None: ...

class GlobalPooling(Kernel):
    def __init__(self, kind: _Kind, rows: int, C: int) -> None: ...
    # Arrays are (N, rows, C) and (N, C).
    def run(self, inputs: _Floats, outputs: _Floats, threads: int) -> None: ...
