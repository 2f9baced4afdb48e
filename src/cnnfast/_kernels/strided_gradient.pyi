import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

class StridedInputGradient(Kernel):
    def __init__(
        self,
        shape: tuple[int, ...],
        gradient: tuple[int, ...],
        filters: NDArray[np.float32],
        strides: tuple[int, int],
        padding: tuple[int, int],
        dilation: tuple[int, int],
        groups: int,
    ) -> None: ...
