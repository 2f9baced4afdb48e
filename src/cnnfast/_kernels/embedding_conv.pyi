import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

class EmbeddingConvolution(Kernel):
    def __init__(
        self,
        length: int,
        products: NDArray[np.float32],
        taps: int,
        bias: NDArray[np.float32] | None,
        stride: int,
        dilation: int,
        padding: tuple[int, int],
        activation: tuple[str, float, float, float],
        ids_are_integers: bool,
    ) -> None: ...
    def run(
        self,
        ids: NDArray[np.int32] | NDArray[np.float32],
        outputs: NDArray[np.float32],
        threads: int,
    ) -> None: ...
