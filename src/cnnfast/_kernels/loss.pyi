from typing import Final

from cnnfast._kernels.step import Kernel

KINDS: Final[dict[str, int]]

class RowLoss(Kernel):
    def __init__(self, kind: str, rows: int, columns: int, smoothing: float) -> None: ...

class LossValue(RowLoss): ...
class LossGradient(RowLoss): ...
