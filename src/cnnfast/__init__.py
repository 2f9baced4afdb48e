"""Keras on a CPU without TensorFlow: build, load and run convolutional networks, fast.

    import cnnfast

    model = cnnfast.load_model("model.keras")
    probabilities = model.predict(images)

Names, arguments and numbers are those of Keras 3; programs written for it run with `keras`
replaced by `cnnfast`.
"""

from cnnfast import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    engine,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    regularizers,
    saving,
    utils,
)
from cnnfast.engine.base_layer import Layer
from cnnfast.engine.input_layer import Input, InputLayer
from cnnfast.engine.tensor import KerasTensor
from cnnfast.engine.variable import Variable
from cnnfast.models import Functional, Model, Sequential
from cnnfast.saving import load_model

__version__ = "0.1.0"

__all__ = [
    "Functional",
    "Input",
    "InputLayer",
    "KerasTensor",
    "Layer",
    "Model",
    "Sequential",
    "Variable",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "engine",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "regularizers",
    "saving",
    "utils",
]

# `keras.models.load_model` is where programs look for it. Files are a floor above models, so
# models cannot import it themselves.
setattr(models, "load_model", load_model)  # noqa: B010
setattr(models, "save_model", saving.save_model)  # noqa: B010
