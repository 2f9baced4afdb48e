from typing import Literal

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float32]
_Integers = NDArray[np.int32]
_Activation = tuple[str, float, float, float]

class Stage:
    @property
    def outputs(self) -> int: ...

class Sums(Stage):
    def __init__(
        self,
        runs: _Integers,
        cells: _Integers,
        kernel: _Floats,
        bias: _Floats | None,
        activation: _Activation,
    ) -> None: ...

class Windows(Stage):
    def __init__(
        self, kind: Literal["max", "average"], windows: _Integers, W: int, C: int
    ) -> None: ...

class Scales(Stage):
    def __init__(self, rows: int, scale: _Floats, shift: _Floats) -> None: ...

class Activates(Stage):
    def __init__(self, size: int, activation: _Activation) -> None: ...
