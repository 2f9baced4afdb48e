import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.stages import Stage

class Quads(Stage):
    def __init__(
        self,
        places: NDArray[np.int32],
        taps: int,
        W: int,
        together: int,
        weights: NDArray[np.float32],
        pixels: int,
        activation: tuple[str, float, float, float],
        matrix: NDArray[np.float32] | None,
        bias: float,
        after: tuple[str, float, float, float],
    ) -> None: ...

def products_of(taps: int) -> int: ...
