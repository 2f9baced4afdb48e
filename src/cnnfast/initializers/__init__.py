"""First values of a layer's weights, under Keras's names.

An initializer is called with a shape and returns a new array. One object returns the same values
at every call: its seed is fixed when it is made, even if nobody gave one. The same seed gives the
same bits on every machine (see `cnnfast.random`); they are not the values that Keras draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cnnfast.initializers.base import Initializer, RandomInitializer
from cnnfast.initializers.constants import Constant, Identity, Ones, Zeros
from cnnfast.initializers.distributions import (
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
)
from cnnfast.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
    compute_fans,
)
from cnnfast.serialization import Config, Registry

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomInitializer",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "one",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "zero",
    "zeros",
]

Function = Callable[..., Any]

constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
normal = random_normal = RandomNormal
one = ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_uniform = uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zero = zeros = Zeros

NAMES: dict[str, type[Initializer]] = {
    "constant": Constant,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "identity": Identity,
    "lecun_normal": LecunNormal,
    "lecun_uniform": LecunUniform,
    "normal": RandomNormal,
    "one": Ones,
    "ones": Ones,
    "orthogonal": Orthogonal,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "truncated_normal": TruncatedNormal,
    "uniform": RandomUniform,
    "variance_scaling": VarianceScaling,
    "zero": Zeros,
    "zeros": Zeros,
}
NAMES |= {cls.__name__: cls for cls in NAMES.values()}
NAMES |= {"IdentityInitializer": Identity, "OrthogonalInitializer": Orthogonal}

REGISTRY: Registry[Function] = Registry("initializer", NAMES)


def get(identifier: Any) -> Function | None:
    """Find the initializer that a name, a file or the user means.

    Args:
        identifier: a name such as "glorot_uniform", the dict a file holds, an array of values, a
            class, something that can be called with a shape and a dtype, or None.

    Returns:
        The initializer, or None for None.

    Raises:
        ValueError: there is no initializer of that name.

    Example:
        >>> get({"class_name": "RandomNormal", "config": {"stddev": 0.1, "seed": 13}})
        RandomNormal(seed=13, mean=0.0, stddev=0.1)
    """
    if isinstance(identifier, np.ndarray | np.generic):
        return Constant(identifier)
    return REGISTRY.get(identifier)


def serialize(initializer: Function | None) -> Config | None:
    """Describe an initializer the way a Keras 3 file does.

    Args:
        initializer: an initializer, a named function of the user, or None.

    Returns:
        {"module", "class_name", "config", "registered_name"}, or None for None.
    """
    return REGISTRY.serialize(initializer)


def deserialize(
    config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Function:
    """Build the initializer that a file describes.

    Args:
        config: a name or a dict of Keras 1, 2 or 3.
        custom_objects: further classes and functions of the caller, by name; they go first.

    Returns:
        The initializer.

    Raises:
        ValueError: the description is broken or its name is not known.
        TypeError: the arguments do not fit the class.
    """
    return REGISTRY.deserialize(config, custom_objects)
