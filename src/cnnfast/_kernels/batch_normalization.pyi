import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]
_Activation = tuple[str, float, float, float]

class BatchNormalize(Kernel):
    def __init__(
        self,
        rows: int,
        channels: int,
        gamma: _Floats | None,
        beta: _Floats | None,
        epsilon: float,
        activation: _Activation,
    ) -> None: ...
    def run(self, inputs: _Floats, mean: _Floats, variance: _Floats, outputs: _Floats) -> None: ...

class BatchInputGradient(Kernel):
    def __init__(
        self,
        rows: int,
        channels: int,
        gamma: _Floats | None,
        epsilon: float,
        is_masked: bool = False,
    ) -> None: ...
    def run(
        self,
        inputs: _Floats,
        gradients: _Floats,
        mean: _Floats,
        variance: _Floats,
        totals: NDArray[np.float64],
        outputs: _Floats,
        mask: _Floats | None = None,
        counted: NDArray[np.float64] | None = None,
    ) -> None: ...
