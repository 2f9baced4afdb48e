from cnnfast._kernels.step import Kernel

class PoolingGradient(Kernel):
    def __init__(
        self,
        kind: str,
        H: int,
        W: int,
        C: int,
        pool: tuple[int, int],
        strides: tuple[int, int],
        padding: tuple[int, int, int, int],
    ) -> None: ...

class GlobalMaxGradient(Kernel):
    def __init__(self, rows: int, C: int) -> None: ...
