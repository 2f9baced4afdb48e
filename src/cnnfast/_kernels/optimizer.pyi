from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.region import Work

_Floats = NDArray[np.float32]

class Updates(Work):
    def __init__(
        self,
        rule: str,
        variables: Iterable[tuple[_Floats, _Floats, Sequence[_Floats], bool]],
        has_decay: bool = False,
        has_average: bool = False,
        norm_limit: float = 0.0,
        global_norm_limit: float = 0.0,
        limit: float = 0.0,
        divisor: float = 1.0,
    ) -> None: ...
    def leave_out(self, index: int) -> None: ...
    def set_numbers(
        self,
        numbers: Iterable[Any],
        decay_numbers: Iterable[Any] = (),
        average_numbers: Iterable[Any] = (),
    ) -> None: ...
    def run(self, threads: int) -> None: ...
