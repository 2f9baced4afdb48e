"""What a compiled model adds to a file: its training setup, and the state of its optimizer."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from cnnfast import losses, metrics, optimizers
from cnnfast.engine.base_layer import Layer
from cnnfast.models import Model
from cnnfast.saving.config import Config, parse_json
from cnnfast.saving.upgrade import plain_values
from cnnfast.serialization import custom_object_scope, find_custom_object
from cnnfast.state import StateVariable

# Keras 2 registered its own optimizers under this prefix at the end.
_PREFIX = "Custom>"
# What Keras has and cnnfast has not: such a model is loaded for prediction.
ONLY_IN_KERAS: Final = {
    "optimizer": {"adafactor", "lamb", "lossscaleoptimizer", "muon", "schedulefreeadamw",
                  "tfoptimizer"},
    "loss": {"ctc", "circle"},
    "metric": set(),
}  # fmt: skip
# Larger numbers would be sizes of arrays that no metric needs.
_LARGEST_METRIC: Final = 2**20


class Optimizer(Protocol):
    """What files keep of an optimizer.

    Attributes:
        name: Its name.
        variables: Its iteration count, its learning rate unless that follows a schedule, and the
            slots of every weight, in Keras's order.
    """

    name: str

    @property
    def variables(self) -> list[StateVariable]:
        """The state."""


def optimizer_of(model: Layer) -> Optimizer | None:
    """Return the optimizer that a model was compiled with, None if it was not."""
    optimizer: Optimizer | None = getattr(model, "optimizer", None)
    return optimizer


def compile_config(model: Layer) -> Config | None:
    """Return the arguments a model was compiled with, fit for JSON, None if it was not.

    A warning tells if it was compiled with something that no file can hold.

    Returns:
        "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics" and further keys.
    """
    if not isinstance(model, Model) or not model.compiled:
        return None
    try:
        return model.get_compile_config()
    except TypeError as error:
        warnings.warn(
            f"What model '{model.name}' was compiled with is not saved: {error}", stacklevel=6
        )
        return None


def legacy_arguments(text: str) -> Config | None:
    """Rewrite what an HDF5 file says of compiling into arguments of `compile`.

    Args:
        text: The file's "training_config".

    Returns:
        None, with a warning, if it is no JSON.
    """
    try:
        given: Config = plain_values(parse_json(text, "training_config"))
    except ValueError as error:
        warnings.warn(f"The model was loaded but not compiled: {error}", stacklevel=4)
        return None
    names = ("loss", "loss_weights", "metrics", "weighted_metrics")
    return {"optimizer": given.get("optimizer_config")} | {name: given.get(name) for name in names}


def restore(model: Model, config: Config | None, custom: Mapping[str, Any]) -> None:
    """Compile a model as its file says, and build its optimizer.

    A model whose training setup has no counterpart here is left as it is, with a warning.

    Args:
        model: From the file.
        config: Arguments of `compile` by name; None or empty if it was not compiled.
        custom: Classes and functions of the caller by name.

    Raises:
        ValueError: The setup uses something of a user that `custom` does not hold.
    """
    if not config or config.get("optimizer") is None:
        return
    config = _without_prefix(config)
    with custom_object_scope(custom):
        unknown = {(kind, name) for kind, name in _names(config) if not _is_known(kind, name)}
        foreign = {
            (kind, name) for kind, name in unknown if name.lower() not in ONLY_IN_KERAS[kind]
        }
        if foreign:
            listed = ", ".join(f"{kind} '{name}'" for kind, name in sorted(foreign))
            raise ValueError(
                f"the model was compiled with what cnnfast does not know: {listed}. Pass it in "
                "`custom_objects`, or load the model with `compile=False`"
            )
        try:
            _check_sizes(config)
            if unknown:
                raise ValueError(f"cnnfast lacks {sorted(name for _, name in unknown)}")
            model.compile_from_config(config)
        except (ValueError, TypeError, KeyError, AttributeError, MemoryError) as error:
            model.uncompile()
            warnings.warn(
                f"Model '{model.name}' was loaded but not compiled: {error}", stacklevel=5
            )


def _without_prefix(config: Config) -> Config:
    optimizer = config["optimizer"]
    if not isinstance(optimizer, Mapping):
        return config
    name = str(optimizer.get("class_name", "")).removeprefix(_PREFIX)
    return {**config, "optimizer": {**optimizer, "class_name": name}}


def _names(config: Config) -> Iterator[tuple[str, str]]:
    """List what a training setup names, with the kind of each."""
    optimizer = config["optimizer"]
    name = optimizer.get("class_name") if isinstance(optimizer, Mapping) else optimizer
    if isinstance(name, str):
        yield "optimizer", name
    for name in _leaves(config.get("loss")):
        yield "loss", name
    for key in ("metrics", "weighted_metrics"):
        for name in _leaves(config.get(key)):
            yield "metric", name


def _leaves(given: Any) -> Iterator[str]:
    if isinstance(given, str):
        yield given
    elif isinstance(given, Mapping):
        name, settings = given.get("class_name"), given.get("config")
        if name is None:
            for one in given.values():
                yield from _leaves(one)
        elif name == "function":
            yield str(settings)
        else:
            yield str(name)
            if isinstance(settings, Mapping) and "fn" in settings:
                yield from _leaves(settings["fn"])
    elif isinstance(given, list):
        for one in given:
            yield from _leaves(one)


def _is_known(kind: str, name: str) -> bool:
    if find_custom_object(name) is not None:
        return True
    if kind == "optimizer":
        return name.lower() in optimizers.NAMES
    if kind == "loss":
        return name in losses.NAMES
    return name in metrics.NAMES or name in losses.NAMES or name.lower() in metrics.BY_SHAPE


def _check_sizes(config: Config) -> None:
    """Refuse metrics that would fill the memory."""
    for key in ("metrics", "weighted_metrics"):
        for number in _integers(config.get(key)):
            if number > _LARGEST_METRIC:
                raise ValueError(f"a metric asks for a size of {number}, at most {_LARGEST_METRIC}")


def _integers(given: Any) -> Iterator[int]:
    if isinstance(given, Mapping):
        for one in given.values():
            yield from _integers(one)
    elif isinstance(given, list):
        for one in given:
            yield from _integers(one)
    elif isinstance(given, int):
        yield given
