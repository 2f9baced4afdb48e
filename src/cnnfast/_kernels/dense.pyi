import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class Dense(Kernel):
    def __init__(
        self,
        rows: int,
        kernel: _Floats,
        bias: _Floats | None,
        activation: tuple[str, float, float, float],
        adds: bool = False,
    ) -> None: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    def unpack(self, kernel: _Floats) -> None: ...
    # Arrays are (any number of rows, C) and (the same, K).
    def run(
        self, inputs: _Floats, outputs: _Floats, threads: int, addends: _Floats | None = None
    ) -> None: ...
