"""What a model was compiled with, as files keep it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cnnfast import losses, metrics, optimizers
from cnnfast.losses import LossFunction
from cnnfast.models.model import Model
from cnnfast.serialization import encode_value, find_custom_object
from cnnfast.training.setup import Setup

Config = dict[str, Any]

# What Keras writes too, for arguments that change nothing here.
UNUSED: Config = {"run_eagerly": False, "steps_per_execution": 1, "jit_compile": False}


def describe_setup(setup: Setup) -> Config:
    """Describe what a model was compiled with the way a Keras 3 file does.

    Args:
        setup: of the model.

    Returns:
        The arguments of `compile` by name, ready for JSON.

    Raises:
        TypeError: a loss or metric has neither a configuration nor a name.
    """
    given = setup.given
    return {
        "optimizer": optimizers.serialize(setup.optimizer),
        "loss": _described(given["loss"], losses.serialize),
        "loss_weights": _described(given["loss_weights"], encode_value),
        "metrics": _described(given["metrics"], metrics.serialize),
        "weighted_metrics": _described(given["weighted_metrics"], metrics.serialize),
        **UNUSED,
    }


def _described(given: Any, serialize: Callable[[Any], Any]) -> Any:
    """Describe every object in lists and dicts; names stay as they are."""
    if isinstance(given, list | tuple):
        return [_described(one, serialize) for one in given]
    if isinstance(given, Mapping):
        return {key: _described(one, serialize) for key, one in given.items()}
    if isinstance(given, LossFunction):
        return given.__name__
    is_plain = given is None or isinstance(given, str | int | float)
    return given if is_plain else serialize(given() if isinstance(given, type) else given)


def compile_from_config(model: Model, config: Mapping[str, Any]) -> None:
    """Compile a model as `describe_setup`, or any Keras 3, described.

    Args:
        model: to be compiled; if it is built, so is its optimizer.
        config: the arguments of `compile` by name.

    Raises:
        ValueError: something in it has an unknown name, or is malformed.
    """
    model.compile(
        optimizer=optimizers.get(config.get("optimizer")),
        loss=_made(config.get("loss"), losses.deserialize),
        loss_weights=config.get("loss_weights"),
        metrics=_made(config.get("metrics"), metrics.deserialize),
        weighted_metrics=_made(config.get("weighted_metrics"), metrics.deserialize),
    )
    if model.built:
        model.optimizer.build(model.trainable_weights)


def _made(config: Any, deserialize: Callable[[Any], Any]) -> Any:
    """Make the objects in lists and dicts that are described by dicts with a class name."""
    if isinstance(config, list | tuple):
        return [_made(one, deserialize) for one in config]
    if isinstance(config, Mapping) and "class_name" not in config:
        return {key: _made(one, deserialize) for key, one in config.items()}
    is_name = isinstance(config, str) and find_custom_object(config) is None
    return config if config is None or is_name else deserialize(config)
