from cnnfast._kernels.step import Kernel

_Sides = tuple[int, int, int, int]
_Pair = tuple[int, int]

class DenseKernelGradient(Kernel):
    def __init__(self, rows: int, depth: int, columns: int) -> None: ...

class BiasGradient(Kernel):
    def __init__(self, rows: int, columns: int) -> None: ...

class ConvolutionKernelGradient(Kernel):
    def __init__(
        self,
        H: int,
        W: int,
        C: int,
        kernel: tuple[int, ...],
        strides: _Pair,
        padding: _Sides,
        dilation: _Pair,
        groups: int,
    ) -> None: ...
