"""Activation functions under Keras's names, for arrays and as a layer's `activation`.

Each function here runs at once on an array. A layer does not call it: it reads the function's
`activation`, the (name, p0, p1, p2) tuple of an elementwise operation that convolutions and
matrix products apply while their outputs are still in registers, or its `row`, the name of an
operation on whole rows of the last axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnfast.names import unknown
from cnnfast.ops.elementwise import activate, row_activate
from cnnfast.serialization import custom_object_scope, find_custom_object, object_config

Array = NDArray[np.float32]
Function = Callable[..., Any]
Named = TypeVar("Named", bound=Function)

ACTIVATIONS: dict[str, Function] = {}


def _elementwise(name: str, *parameters: float) -> Callable[[Named], Named]:
    """Register a function under its own name, with the elementwise operation it stands for."""
    p0, p1, p2 = (*parameters, 0.0, 0.0, 0.0)[:3]

    def register(function: Named) -> Named:
        vars(function)["activation"] = (name, p0, p1, p2)
        ACTIVATIONS[function.__name__] = function
        return function

    return register


def _rows(function: Named) -> Named:
    """Register a function under its own name, which is also the operation's on whole rows."""
    vars(function)["row"] = function.__name__
    ACTIVATIONS[function.__name__] = function
    return function


def _apply(x: ArrayLike, name: str, *parameters: float) -> Array:
    p0, p1, p2 = (*parameters, 0.0, 0.0, 0.0)[:3]
    return activate(x, (name, p0, p1, p2)).reshape(np.shape(x))


def _apply_to_rows(x: ArrayLike, name: str, axis: int) -> Array:
    rows = np.moveaxis(np.asarray(x), axis, -1)
    return np.moveaxis(row_activate(rows, name), -1, axis)


@_elementwise("linear")
def linear(x: ArrayLike) -> Array:
    """Return the input: f(x) = x."""
    return _apply(x, "linear")


@_elementwise("relu", 0.0, math.inf, 0.0)
def relu(
    x: ArrayLike,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Array:
    """Rectify: f(x) = x above the threshold, negative_slope * (x - threshold) elsewhere.

    Args:
        x: array of any shape.
        negative_slope: slope below the threshold.
        max_value: ceiling of the outputs, or None for none.
        threshold: value up to which the input counts as off.

    Returns:
        float32, the shape of x.
    """
    ceiling = math.inf if max_value is None else max_value
    return _apply(x, "relu", negative_slope, ceiling, threshold)


@_elementwise("relu", 0.0, 6.0, 0.0)
def relu6(x: ArrayLike) -> Array:
    """Rectify and cut off at six: f(x) = min(max(x, 0), 6)."""
    return _apply(x, "relu", 0.0, 6.0, 0.0)


@_elementwise("relu", 0.2, math.inf, 0.0)
def leaky_relu(x: ArrayLike, negative_slope: float = 0.2) -> Array:
    """Rectify with a leak: f(x) = x if x > 0, negative_slope * x elsewhere.

    The layer `LeakyReLU` has another default slope, 0.3, as in Keras.
    """
    return _apply(x, "relu", negative_slope, math.inf, 0.0)


@_elementwise("elu", 1.0)
def elu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """Bend below zero: f(x) = x if x > 0, alpha * (exp(x) - 1) elsewhere.

    Source: Clevert et al. (2015), arXiv:1511.07289.
    """
    return _apply(x, "elu", alpha)


@_elementwise("celu", 1.0)
def celu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """Bend smoothly below zero: f(x) = max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0).

    Source: Barron (2017), arXiv:1704.07483.
    """
    return _apply(x, "celu", alpha)


@_elementwise("selu")
def selu(x: ArrayLike) -> Array:
    """Scale an ELU so that activations keep mean 0 and variance 1.

    f(x) = 1.05070098 * (x if x > 0, 1.67326324 * (exp(x) - 1) elsewhere).

    Source: Klambauer et al. (2017), arXiv:1706.02515.
    """
    return _apply(x, "selu")


@_elementwise("exponential")
def exponential(x: ArrayLike) -> Array:
    """Exponentiate: f(x) = exp(x)."""
    return _apply(x, "exponential")


@_elementwise("gelu")
def gelu(x: ArrayLike, approximate: bool = False) -> Array:
    """Weight the input by the normal distribution: f(x) = x * P(X <= x), X ~ N(0, 1).

    Args:
        x: array of any shape.
        approximate: take the tanh formula for P instead of the error function.

    Returns:
        float32, the shape of x.

    Source: Hendrycks and Gimpel (2016), arXiv:1606.08415.
    """
    return _apply(x, "gelu_tanh" if approximate else "gelu")


@_elementwise("hard_sigmoid", 1 / 6, 0.5)
def hard_sigmoid(x: ArrayLike) -> Array:
    """Replace the sigmoid by three lines, as in Keras 3: f(x) = min(max(x / 6 + 1/2, 0), 1)."""
    return _apply(x, "hard_sigmoid", 1 / 6, 0.5)


@_elementwise("hard_sigmoid", 0.2, 0.5)
def hard_sigmoid_legacy(x: ArrayLike) -> Array:
    """Replace the sigmoid by three lines, as Keras 1 and 2 did: min(max(0.2 * x + 0.5, 0), 1).

    Those files call it "hard_sigmoid"; it has a name of its own here so that a model read from
    one keeps its numbers when it is saved and read again.
    """
    return _apply(x, "hard_sigmoid", 0.2, 0.5)


@_elementwise("hard_silu", 1 / 6, 0.5)
def hard_silu(x: ArrayLike) -> Array:
    """Gate the input by the hard sigmoid: f(x) = x * min(max(x / 6 + 1/2, 0), 1).

    Source: Howard et al. (2019), arXiv:1905.02244.
    """
    return _apply(x, "hard_silu", 1 / 6, 0.5)


@_elementwise("hard_tanh")
def hard_tanh(x: ArrayLike) -> Array:
    """Clip to one on both sides: f(x) = min(max(x, -1), 1)."""
    return _apply(x, "hard_tanh")


@_elementwise("hard_shrink", 0.5)
def hard_shrink(x: ArrayLike, threshold: float = 0.5) -> Array:
    """Silence what is small: f(x) = x if |x| > threshold, 0 elsewhere."""
    return _apply(x, "hard_shrink", threshold)


@_elementwise("soft_shrink", 0.5)
def soft_shrink(x: ArrayLike, threshold: float = 0.5) -> Array:
    """Pull towards zero: f(x) = sign(x) * max(|x| - threshold, 0)."""
    return _apply(x, "soft_shrink", threshold)


@_elementwise("tanh_shrink")
def tanh_shrink(x: ArrayLike) -> Array:
    """Subtract the hyperbolic tangent: f(x) = x - tanh(x)."""
    return _apply(x, "tanh_shrink")


@_elementwise("log_sigmoid")
def log_sigmoid(x: ArrayLike) -> Array:
    """Take the logarithm of the sigmoid: f(x) = -log(1 + exp(-x))."""
    return _apply(x, "log_sigmoid")


@_elementwise("mish")
def mish(x: ArrayLike) -> Array:
    """Gate the input by its own softplus: f(x) = x * tanh(log(1 + exp(x))).

    Source: Misra (2019), arXiv:1908.08681.
    """
    return _apply(x, "mish")


@_elementwise("sigmoid")
def sigmoid(x: ArrayLike) -> Array:
    """Squash into (0, 1): f(x) = 1 / (1 + exp(-x))."""
    return _apply(x, "sigmoid")


@_elementwise("silu")
def silu(x: ArrayLike) -> Array:
    """Gate the input by its own sigmoid, also called swish: f(x) = x / (1 + exp(-x)).

    Source: Ramachandran et al. (2017), arXiv:1710.05941.
    """
    return _apply(x, "silu")


@_elementwise("softplus")
def softplus(x: ArrayLike) -> Array:
    """Rectify smoothly: f(x) = log(1 + exp(x))."""
    return _apply(x, "softplus")


@_elementwise("softsign")
def softsign(x: ArrayLike) -> Array:
    """Squash into (-1, 1) without an exponential: f(x) = x / (1 + |x|)."""
    return _apply(x, "softsign")


@_elementwise("sparse_plus")
def sparse_plus(x: ArrayLike) -> Array:
    """Rectify with a parabola between the lines: 0 up to -1, (x + 1)^2 / 4, then x from 1."""
    return _apply(x, "sparse_plus")


@_elementwise("sparse_sigmoid")
def sparse_sigmoid(x: ArrayLike) -> Array:
    """Squash into [0, 1] with a line between -1 and 1: f(x) = min(max((x + 1) / 2, 0), 1)."""
    return _apply(x, "sparse_sigmoid")


@_elementwise("squareplus", 4.0)
def squareplus(x: ArrayLike, b: float = 4) -> Array:
    """Rectify smoothly without an exponential: f(x) = (x + sqrt(x^2 + b)) / 2."""
    return _apply(x, "squareplus", b)


@_elementwise("tanh")
def tanh(x: ArrayLike) -> Array:
    """Squash into (-1, 1): f(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x))."""
    return _apply(x, "tanh")


def threshold(x: ArrayLike, threshold: float, default_value: float) -> Array:
    """Replace what is not above a threshold: f(x) = x if x > threshold, default_value elsewhere.

    Both numbers are needed, so it is no layer's activation by name.
    """
    return _apply(x, "threshold", threshold, default_value)


@_rows
def softmax(x: ArrayLike, axis: int = -1) -> Array:
    """Turn scores into probabilities along an axis: f(x)_i = exp(x_i) / sum over j of exp(x_j).

    Args:
        x: array of rank 1 or more.
        axis: the axis along which the outputs sum to one.

    Returns:
        float32, the shape of x.
    """
    return _apply_to_rows(x, "softmax", axis)


@_rows
def log_softmax(x: ArrayLike, axis: int = -1) -> Array:
    """Take the logarithm of the softmax along an axis: f(x)_i = x_i - log(sum_j exp(x_j))."""
    return _apply_to_rows(x, "log_softmax", axis)


@_rows
def sparsemax(x: ArrayLike, axis: int = -1) -> Array:
    """Project scores onto the probability simplex along an axis, with exact zeros.

    Source: Martins and Astudillo (2016), arXiv:1602.02068.
    """
    return _apply_to_rows(x, "sparsemax", axis)


@_rows
def glu(x: ArrayLike, axis: int = -1) -> Array:
    """Gate the first half of an axis by the sigmoid of the second: f([a, b]) = a * sigmoid(b).

    Args:
        x: array of rank 1 or more; the axis has an even length.
        axis: the axis that is halved.

    Returns:
        float32, the shape of x with the axis half as long.

    Source: Dauphin et al. (2016), arXiv:1612.08083.
    """
    return _apply_to_rows(x, "glu", axis)


swish = silu
hard_swish = hard_silu
ALIASES = {"swish": "silu", "hard_swish": "hard_silu"}


def get(identifier: Any) -> Function:
    """Find the activation that a name, a file or the user means.

    Args:
        identifier: a name such as "relu", None for linear, the dict a file holds, or something
            that can be called, which is returned as it is.

    Returns:
        The function.

    Raises:
        ValueError: there is no activation of that name.

    Example:
        >>> get("swish").__name__
        'silu'
    """
    if identifier is None:
        return linear
    if isinstance(identifier, str | Mapping):
        return deserialize(identifier)
    if callable(identifier):
        found: Function = identifier
        return found
    raise _unknown(identifier)


def serialize(activation: Function) -> str:
    """Name an activation the way a file does.

    Args:
        activation: one of the functions of this module.

    Returns:
        Its name.

    Raises:
        ValueError: it is not one of them.
    """
    name = getattr(activation, "__name__", None)
    if name not in ACTIVATIONS or ACTIVATIONS[name] is not activation:
        raise _unknown(activation)
    return str(name)


def deserialize(
    config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Function:
    """Find the activation that a file names; nothing is looked up but registered names.

    Args:
        config: a name, or Keras's dict {"class_name": "function", "config": name}.
        custom_objects: further functions of the caller, by name; they go first.

    Returns:
        The function.

    Raises:
        ValueError: there is no activation of that name.
    """
    name, _ = object_config(config)
    with custom_object_scope(custom_objects or {}):
        custom: Function | None = find_custom_object(name)
    if custom is not None:
        return custom
    name = ALIASES.get(name, name)
    if name not in ACTIVATIONS:
        raise _unknown(config)
    return ACTIVATIONS[name]


def _unknown(identifier: object) -> ValueError:
    return unknown("activation", identifier, {*ACTIVATIONS, *ALIASES})
