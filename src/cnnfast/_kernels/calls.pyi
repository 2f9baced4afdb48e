from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.executor import Program
from cnnfast.clock import Clock

class Call:
    def __init__(
        self,
        program: Program,
        dtype: np.dtype[Any],
        output_shape: tuple[int, ...],
        output_dtype: np.dtype[Any],
        time: int,
    ) -> None: ...
    @property
    def time(self) -> int: ...

class Calls:
    def __init__(self, clock: Clock, thread_count: Callable[[], int]) -> None: ...
    def __len__(self) -> int: ...
    def put(self, shape: tuple[int, ...], call: Call) -> None: ...
    def drop(self, shape: tuple[int, ...]) -> None: ...
    def clear(self) -> None: ...
    def run(self, array: Any) -> NDArray[Any] | None: ...
