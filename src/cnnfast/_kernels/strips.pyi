from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]
_Sight = tuple[int, int, int, int, int]

LONGEST_CHAIN: int

class Strips(Kernel):
    def __init__(
        self, image: int, links: Sequence[tuple[Kernel, _Sight, int, int, int]], strip: int
    ) -> None: ...
    def run(self, inputs: _Floats, outputs: _Floats, threads: int) -> None: ...
