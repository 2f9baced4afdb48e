import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Sides = tuple[int, int, int, int]
_Pair = tuple[int, int]

class SparseKernelGradient(Kernel):
    def __init__(
        self,
        H: int,
        W: int,
        C: int,
        kernel: tuple[int, ...],
        strides: _Pair,
        padding: _Sides,
        dilation: _Pair,
        density: float,
    ) -> None: ...

class SparseInputGradient(Kernel):
    def __init__(
        self,
        shape: tuple[int, ...],
        kernel: NDArray[np.float32],
        stride: int,
        padding: _Sides,
        dilation: int,
        density: float,
    ) -> None: ...
