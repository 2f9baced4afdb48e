"""Optimizers, under Keras's names.

An optimizer turns gradients into new weights and remembers what it needs for that between steps.
Its rule is a kernel that reads weights, gradient and state once (`_kernels/optimizer.pyx`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnfast.names import unknown
from cnnfast.optimizers import schedules
from cnnfast.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from cnnfast.optimizers.gradient_descent import SGD, Lion
from cnnfast.optimizers.moments import Adam, Adamax, AdamW, Nadam
from cnnfast.optimizers.optimizer import Optimizer
from cnnfast.optimizers.steps import Steps
from cnnfast.serialization import Config, Registry
from cnnfast.state import StateVariable

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "StateVariable",
    "Steps",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "deserialize",
    "get",
    "nadam",
    "rmsprop",
    "schedules",
    "serialize",
    "sgd",
]

# Keras 1's and 2's second names.
adadelta, adagrad, adam, adamax = Adadelta, Adagrad, Adam, Adamax
nadam, rmsprop, sgd = Nadam, RMSprop, SGD

CLASSES: tuple[type[Optimizer], ...] = (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Adamax,
    Ftrl,
    Lion,
    Nadam,
    RMSprop,
)
NAMES = {cls.__name__.lower(): cls for cls in CLASSES}
REGISTRY: Registry[Any] = Registry("optimizer", NAMES)


def get(identifier: Any) -> Optimizer | None:
    """Find the optimizer that a name, a file or the user means.

    Args:
        identifier: a name such as "adam" in any case, the dict a file holds, a class, an
            optimizer, or None.

    Returns:
        The optimizer, or None for None.

    Raises:
        ValueError: it means none.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str | Mapping):
        return deserialize(identifier)
    is_class = isinstance(identifier, type) and issubclass(identifier, Optimizer)
    optimizer = identifier() if is_class else identifier
    if not isinstance(optimizer, Optimizer):
        raise unknown("optimizer", identifier, NAMES)
    return optimizer


def serialize(optimizer: Optimizer | None) -> Config | None:
    """Describe an optimizer the way a Keras 3 file does.

    Args:
        optimizer: an optimizer, or None.

    Returns:
        {"module", "class_name", "config", "registered_name"}, or None for None.
    """
    return REGISTRY.serialize(optimizer)


def deserialize(
    config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Optimizer:
    """Build the optimizer that a file describes.

    Args:
        config: a name in any case, or a dict of Keras 1, 2 or 3.
        custom_objects: further classes of the caller, by name; they go first.

    Returns:
        The optimizer.

    Raises:
        ValueError: the description is broken or its name is not known.
        TypeError: the arguments do not fit the class.
    """
    if isinstance(config, str):
        config = {"class_name": config, "config": {}}
    name = config.get("class_name")
    if isinstance(name, str) and name.lower() in NAMES:
        config = {**config, "class_name": name.lower()}
    built = REGISTRY.deserialize(config, custom_objects)
    if not isinstance(built, Optimizer):
        raise unknown("optimizer", name, NAMES)
    return built
