from cnnfast._kernels.step import Kernel

class WinogradKernelGradient(Kernel):
    def __init__(
        self, H: int, W: int, C: int, K: int, padding: tuple[int, int, int, int]
    ) -> None: ...
