"""PyTorch: eager with channels last, and compiled with frozen weights."""

from __future__ import annotations

import os
from typing import Any

import torch
from numpy.typing import NDArray

from bench.engines.layouts import channels_first


class Torch:
    """A module called as it is."""

    def load(self, folder: str, threads: int) -> None:
        """Load the module."""
        torch.set_num_threads(threads)
        module = torch.load(os.path.join(folder, "model.pt"), weights_only=False)
        self.module = module.eval().to(memory_format=torch.channels_last)

    def prepare(self, inputs: NDArray[Any]) -> torch.Tensor:
        """Put the channels of images first in the shape, last in memory."""
        tensor = torch.from_numpy(channels_first(inputs))
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor

    def predict(self, prepared: torch.Tensor) -> NDArray[Any]:
        """Call the module on one batch."""
        with torch.inference_mode():
            outputs: NDArray[Any] = self.module(prepared).numpy()
            return outputs

    def version(self) -> str:
        """Return the package's version."""
        return str(torch.__version__)


class Compiled(Torch):
    """`torch.compile`, which may treat weights as constants and choose among matrix kernels."""

    def load(self, folder: str, threads: int) -> None:
        """Load the module, to be compiled at its first call."""
        super().load(folder, threads)
        import torch._inductor.config as inductor

        inductor.freezing = True
        inductor.max_autotune = True
        self.module = torch.compile(self.module, dynamic=False)

    def predict(self, prepared: torch.Tensor) -> NDArray[Any]:
        """Call the module on one batch; freezing wants no_grad."""
        with torch.no_grad():
            outputs: NDArray[Any] = self.module(prepared).numpy()
            return outputs
