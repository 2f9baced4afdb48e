"""TensorFlow: a Keras model traced once, its variables frozen into constants if they are few."""

from __future__ import annotations

import os
from typing import Any

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}

import keras
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from bench import model_files

# Freezing holds many copies of the weights, and brings large networks nothing.
FREEZABLE = 50e6


class TensorFlow:
    """`tf.function`; weights that are constants, its optimizer folds and packs once.

    Args:
        xla: compile with XLA.
    """

    def __init__(self, xla: bool = False) -> None:
        self.xla = xla

    def load(self, folder: str, threads: int) -> None:
        """Load the model."""
        limit_threads(threads)
        self.model = model_files.load(folder, keras.models.model_from_json)

    def prepare(self, inputs: NDArray[Any]) -> Any:
        """Trace for inputs of this shape."""
        tensor = tf.constant(inputs)
        function = tf.function(
            lambda x: self.model(x, training=False), jit_compile=self.xla, autograph=False
        )
        concrete = function.get_concrete_function(tf.TensorSpec(tensor.shape, tensor.dtype))
        freezes = not self.xla and sum(w.nbytes for w in self.model.get_weights()) < FREEZABLE
        self.function = convert_variables_to_constants_v2(concrete) if freezes else concrete
        return tensor

    def predict(self, prepared: Any) -> NDArray[Any]:
        """Call the function on one batch."""
        result = self.function(prepared)
        outputs: NDArray[Any] = (result[0] if isinstance(result, list) else result).numpy()
        return outputs

    def version(self) -> str:
        """Return the package's version."""
        return str(tf.__version__)


def limit_threads(threads: int) -> None:
    """Let TensorFlow use so many threads; its operators run one after the other."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
