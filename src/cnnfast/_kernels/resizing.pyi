import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.step import Kernel

_Floats = NDArray[np.float32]

class Resizing(Kernel):
    # Arrays are (images, floats of an image).
    def run(self, inputs: _Floats, outputs: _Floats, threads: int) -> None: ...

class Crop(Resizing):
    # top, bottom, left, right
    def __init__(self, H: int, W: int, C: int, cropping: tuple[int, int, int, int]) -> None: ...

class Enlarge(Resizing):
    # factors: of the height, of the width
    def __init__(self, how: str, H: int, W: int, C: int, factors: tuple[int, int]) -> None: ...
