"""MNN's session interface on the CPU, full precision."""

from __future__ import annotations

import os
from typing import Any

import MNN
import numpy as np
from numpy.typing import NDArray

from bench.engines.layouts import channels_first


class Mnn:
    """One session, resized for each batch size."""

    def load(self, folder: str, threads: int) -> None:
        """Open a session."""
        self.interpreter = MNN.Interpreter(os.path.join(folder, "model.mnn"))
        self.session = self.interpreter.createSession(
            {"backend": "CPU", "precision": "high", "numThread": threads}
        )

    def prepare(self, inputs: NDArray[Any]) -> Any:
        """Put the channels of images first, and resize the session."""
        images = channels_first(inputs)
        self.source = self.interpreter.getSessionInput(self.session)
        self.interpreter.resizeTensor(self.source, images.shape)
        self.interpreter.resizeSession(self.session)
        is_ids = images.dtype == np.int32
        kind = MNN.Halide_Type_Int if is_ids else MNN.Halide_Type_Float
        layout = MNN.Tensor_DimensionType_Caffe
        return MNN.Tensor(images.shape, kind, images, layout)

    def predict(self, prepared: Any) -> NDArray[Any]:
        """Run the session on one batch."""
        self.source.copyFrom(prepared)
        self.interpreter.runSession(self.session)
        result = self.interpreter.getSessionOutput(self.session)
        shape = result.getShape()
        host = MNN.Tensor(
            shape,
            MNN.Halide_Type_Float,
            np.empty(shape, np.float32),
            MNN.Tensor_DimensionType_Caffe,
        )
        result.copyToHostTensor(host)
        return np.array(host.getNumpyData(), np.float32).reshape(shape)

    def version(self) -> str:
        """Return the package's version."""
        return str(MNN.version())
