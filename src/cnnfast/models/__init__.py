"""Models: layers put together, called on arrays, summarized and described."""

from cnnfast.models.functional import Functional
from cnnfast.models.loading import clone_model, model_from_config, model_from_json
from cnnfast.models.model import Model
from cnnfast.models.sequential import Sequential

__all__ = [
    "Functional",
    "Model",
    "Sequential",
    "clone_model",
    "model_from_config",
    "model_from_json",
]
