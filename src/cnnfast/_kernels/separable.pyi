import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]
_Activation = tuple[str, float, float, float]
_Pair = tuple[int, int]

class Separable(Kernel):
    def __init__(
        self,
        H: int,
        W: int,
        C: int,
        expansion: tuple[_Floats, _Floats | None, _Activation] | None,
        depthwise: tuple[
            _Floats, _Floats | None, _Pair, tuple[int, int, int, int], _Pair, _Activation
        ],
        projection: Kernel | None,
        K: int,
    ) -> None: ...
    def run(self, inputs: _Floats, outputs: _Floats, threads: int) -> None: ...
