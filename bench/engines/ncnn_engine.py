"""ncnn, which takes one image at a time."""

from __future__ import annotations

import os
from typing import Any

import ncnn
import numpy as np
from numpy.typing import NDArray

from bench.engines.layouts import channels_first


class Ncnn:
    """One network, `threads` threads within layers; float32 storage and arithmetic."""

    def load(self, folder: str, threads: int) -> None:
        """Load the network."""
        self.net = ncnn.Net()
        options = self.net.opt
        options.num_threads = threads
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_storage = False
        for load, file in (
            (self.net.load_param, "traced.ncnn.param"),
            (self.net.load_model, "traced.ncnn.bin"),
        ):
            if load(os.path.join(folder, file)):
                raise RuntimeError(f"ncnn refuses {file}")

    def prepare(self, inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """Put the channels first."""
        return list(channels_first(inputs))

    def predict(self, prepared: list[NDArray[Any]]) -> NDArray[Any]:
        """Extract the output of each image."""
        return np.stack([self.predict_one(image) for image in prepared])

    def predict_one(self, image: NDArray[Any]) -> NDArray[Any]:
        """Extract the output of one image."""
        with self.net.create_extractor() as extractor:
            extractor.input("in0", ncnn.Mat(image))
            failed, output = extractor.extract("out0")
            if failed:
                raise RuntimeError(f"ncnn failed with {failed}")
            return np.array(output)

    def version(self) -> str:
        """Return the package's version."""
        return str(ncnn.__version__)
