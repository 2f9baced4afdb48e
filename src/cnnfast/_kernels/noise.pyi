from typing import Final

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

NAMES: Final[tuple[str, ...]]

class Noise(Kernel):
    def __init__(
        self,
        name: str,
        size: int,
        parameters: tuple[float, float, float],
        threshold: int,
        key: int,
        has_input: bool,
        ignores_image: bool,
        ignores_run: bool,
    ) -> None: ...
    def run(
        self,
        inputs: NDArray[np.float32],
        counters: NDArray[np.uint32],
        outputs: NDArray[np.float32],
    ) -> None: ...
