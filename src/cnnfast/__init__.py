"""Keras on a CPU without TensorFlow: build, load and run convolutional networks, fast.

    import cnnfast

    model = cnnfast.load_model("model.keras")
    probabilities = model.predict(images)

Names, arguments and numbers are those of Keras 3; programs written for it run with `keras`
replaced by `cnnfast`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from cnnfast import (
    activations,
    backend,
    config,
    constraints,
    engine,
    initializers,
    layers,
    models,
    ops,
    regularizers,
    utils,
)
from cnnfast.engine.base_layer import Layer
from cnnfast.engine.input_layer import Input, InputLayer
from cnnfast.engine.tensor import KerasTensor
from cnnfast.engine.variable import Variable
from cnnfast.models import Functional, Model, Sequential

if TYPE_CHECKING:
    from cnnfast import callbacks, losses, metrics, optimizers, saving
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

# What only programs that train or read files need comes when it is asked for: a third of the time
# that the rest takes.
_LATER = frozenset({"callbacks", "losses", "metrics", "optimizers", "saving"})
_OF_SAVING = frozenset({"load_model", "save_model"})


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return importlib.import_module(f"cnnfast.{name}")
    if name == "load_model":
        return _from_saving(name)
    raise AttributeError(f"module 'cnnfast' has no attribute {name!r}")


def _from_saving(name: str) -> Any:
    if name in _OF_SAVING:
        return getattr(importlib.import_module("cnnfast.saving"), name)
    raise AttributeError(f"module 'cnnfast.models' has no attribute {name!r}")


# `keras.models.load_model` is where programs look for it. Files are a floor above models, so
# models cannot import it themselves.
setattr(models, "__getattr__", _from_saving)  # noqa: B010
