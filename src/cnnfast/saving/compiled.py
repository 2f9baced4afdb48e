"""What a compiled model adds to a file: its training setup, and the state of its optimizer."""

from __future__ import annotations

from typing import Protocol

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.variable import Variable
from cnnfast.saving.config import Config


class Optimizer(Protocol):
    """What files keep of an optimizer.

    Attributes:
        name: Its name.
        variables: Its iteration count, its learning rate unless that follows a schedule, and the
            slots of every weight, in Keras's order.
    """

    name: str

    @property
    def variables(self) -> list[Variable]:
        """The state."""


def optimizer_of(model: Layer) -> Optimizer | None:
    """Return the optimizer that a model was compiled with, None if it was not."""
    optimizer: Optimizer | None = getattr(model, "optimizer", None)
    return optimizer


def compile_config(model: Layer) -> Config | None:
    """Return the arguments a model was compiled with, fit for JSON, None if it was not.

    Returns:
        "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics" and further keys.
    """
    if optimizer_of(model) is None:
        return None
    described: Config | None = getattr(model, "get_compile_config", dict)()
    return described or None
