import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class DepthwiseInputGradient(Kernel):
    def __init__(
        self,
        shape: tuple[int, int, int],
        gradient: tuple[int, int, int],
        filters: _Floats,
        strides: tuple[int, int],
        origin: tuple[int, int],
        dilation: tuple[int, int],
    ) -> None: ...
    def run(self, gradients: _Floats, outputs: _Floats, threads: int) -> None: ...

class DepthwiseKernelGradient(Kernel):
    def __init__(
        self,
        shape: tuple[int, int, int],
        gradient: tuple[int, int, int],
        kernel: tuple[int, int, int, int],
        strides: tuple[int, int],
        origin: tuple[int, int],
        dilation: tuple[int, int],
    ) -> None: ...
    def run(self, inputs: _Floats, gradients: _Floats, outputs: _Floats) -> None: ...
