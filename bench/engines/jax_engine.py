"""JAX: a Keras model on its backend, compiled as a whole."""

from __future__ import annotations

import os
from typing import Any

os.environ |= {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}

import jax
import keras
import numpy as np
from numpy.typing import NDArray

from bench import model_files


class Jax:
    """`jax.jit` with the weights as constants; it uses as many CPUs as the process may."""

    def load(self, folder: str, threads: int) -> None:
        """Load the model."""
        model = model_files.load(folder, keras.models.model_from_json)
        trainable = [jax.numpy.asarray(variable.value) for variable in model.trainable_variables]
        fixed = [jax.numpy.asarray(variable.value) for variable in model.non_trainable_variables]
        self.function = jax.jit(
            lambda x: model.stateless_call(trainable, fixed, x, training=False)[0]
        )

    def prepare(self, inputs: NDArray[Any]) -> Any:
        """Hand the inputs to JAX."""
        return jax.numpy.asarray(inputs)

    def predict(self, prepared: Any) -> NDArray[Any]:
        """Call the function on one batch."""
        return np.asarray(self.function(prepared))

    def version(self) -> str:
        """Return the package's version."""
        return str(jax.__version__)
