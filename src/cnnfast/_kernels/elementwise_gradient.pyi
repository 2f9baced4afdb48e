from cnnfast._kernels.step import Kernel

class ActivationGradient(Kernel):
    def __init__(self, size: int, activation: tuple[str, float, float, float]) -> None: ...

class SoftmaxGradient(Kernel):
    def __init__(self, rows: int, columns: int) -> None: ...
