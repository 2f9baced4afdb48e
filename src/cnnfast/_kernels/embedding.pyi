import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]
_Ids = NDArray[np.int32] | NDArray[np.float32]

class Embedding(Kernel):
    def __init__(self, length: int, table: _Floats, ids_are_integers: bool) -> None: ...
    # Arrays are (N, length) and (N, length, D).
    def run(self, ids: _Ids, outputs: _Floats, threads: int) -> None: ...
    def check(self, ids: _Ids) -> None: ...
