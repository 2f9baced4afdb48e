import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class RenormCorrection(Kernel):
    def __init__(
        self,
        gamma: _Floats | None,
        beta: _Floats | None,
        mean: _Floats,
        deviation: _Floats,
        epsilon: float,
        bounds: tuple[float, float, float],
        scale: _Floats,
        shift: _Floats,
    ) -> None: ...
    def run(self, mean: _Floats, variance: _Floats, outputs: _Floats) -> None: ...

class RenormGammaGradient(Kernel):
    def __init__(self, channels: int, epsilon: float) -> None: ...
    def run(
        self,
        totals: NDArray[np.float64],
        variance: _Floats,
        corrections: _Floats,
        outputs: _Floats,
    ) -> None: ...
