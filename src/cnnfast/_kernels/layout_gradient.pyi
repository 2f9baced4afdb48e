from cnnfast._kernels.step import Kernel

class Cut(Kernel):
    def __init__(self, size: int, first: int, stride: int, runs: int, length: int) -> None: ...

class EmbeddingGradient(Kernel):
    def __init__(self, length: int, V: int, D: int, ids_are_integers: bool) -> None: ...
