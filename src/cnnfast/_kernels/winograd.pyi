import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class Winograd(Kernel):
    def __init__(
        self,
        H: int,
        W: int,
        C: int,
        kernel: _Floats,
        bias: _Floats | None,
        padding: tuple[int, int, int, int],
        activation: tuple[str, float, float, float],
        adds: bool = False,
        pooling: str | None = None,
    ) -> None: ...
    def run(
        self, inputs: _Floats, outputs: _Floats, threads: int, addends: _Floats | None = None
    ) -> None: ...
