"""Activations that are layers of their own, for those with arguments or weights."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast import constraints, initializers, regularizers
from cnnfast.engine.base_layer import Layer
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.structure import Shape
from cnnfast.engine.variable import Variable
from cnnfast.layers import checks, lowering
from cnnfast.ops.elementwise import Activate, Prelu, RowActivate


class ReLU(Layer):
    """Rectify: f(x) = x above the threshold, negative_slope * (x - threshold) elsewhere.

    Args:
        max_value: ceiling of the outputs, None for none.
        negative_slope: slope below the threshold.
        threshold: value up to which an input counts as off.
        **kwargs: see `Layer`.

    Raises:
        ValueError: an argument is negative.
    """

    supports_masking = True

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        has_ceiling = max_value is not None
        self.max_value = checks.number(self, "max_value", max_value, 0) if has_ceiling else None
        self.negative_slope = checks.number(self, "negative_slope", negative_slope, 0)
        self.threshold = checks.number(self, "threshold", threshold, 0)

    def lower(self, graph: Graph, *values: Value) -> Value:
        ceiling = math.inf if self.max_value is None else self.max_value
        return graph.add(Activate(("relu", self.negative_slope, ceiling, self.threshold)), *values)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


class LeakyReLU(Layer):
    """Rectify with a leak: f(x) = x if x > 0, negative_slope * x elsewhere.

    Args:
        negative_slope: slope below zero; "leaky_relu" as a name has another default, 0.2.
        **kwargs: see `Layer`; also `alpha`, the slope's name in Keras 2.

    Raises:
        ValueError: the slope is negative.
    """

    supports_masking = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
            warnings.warn("`alpha` is now `negative_slope` in LeakyReLU.", stacklevel=2)
        super().__init__(**kwargs)
        self.negative_slope = checks.number(self, "negative_slope", negative_slope, 0)

    def lower(self, graph: Graph, *values: Value) -> Value:
        return graph.add(Activate(("relu", self.negative_slope, math.inf, 0.0)), *values)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "negative_slope": self.negative_slope}


class PReLU(Layer):
    """Rectify with a learned leak: f(x) = x if x > 0, alpha * x elsewhere.

    Args:
        alpha_initializer: first values of the slopes.
        alpha_regularizer: penalty on the slopes.
        alpha_constraint: projection of the slopes after each update.
        shared_axes: axes along which all elements have one slope, counted from 1: [1, 2] gives
            one slope per channel of an image.
        **kwargs: see `Layer`.

    Weights:
        alpha, the shape of a sample with size 1 along the shared axes.

    Raises:
        ValueError: `shared_axes` names an axis that is not there, or another has no fixed size.

    Source: He et al. (2015), arXiv:1502.01852.
    """

    supports_masking = True

    alpha: Variable

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = self._checked_shared(shared_axes)

    def _checked_shared(self, value: Any) -> list[int] | None:
        if value is None:
            return None
        axes = list(checks.axes(self, "shared_axes", value))
        if min(axes, default=1) < 1:
            expectation = "`shared_axes` must hold axes counted from 1"
            raise checks.refused(self, expectation, "shared_axes", value)
        return axes

    def build(self, input_shape: Shape) -> None:
        shared = set(self.shared_axes or ())
        if max(shared, default=0) >= len(input_shape):
            expectation = f"`shared_axes` must hold axes of the input {input_shape}"
            raise checks.refused(self, expectation, "shared_axes", self.shared_axes)
        axes = range(1, len(input_shape))
        own = {
            axis: checks.known_size(self, input_shape, axis) for axis in axes if axis not in shared
        }
        self.alpha = self.add_weight(
            tuple(own.get(axis, 1) for axis in axes),
            self.alpha_initializer,
            "alpha",
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )
        self.input_axes = own

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        return graph.add(Prelu(self._slopes()), value)

    def _slopes(self) -> NDArray[np.float32]:
        """Give the slopes without the axes in front that all samples' elements share."""
        last = self.alpha.ndim - 1
        first = next((axis for axis, size in enumerate(self.alpha.shape) if size > 1), last)
        return self.alpha.value.reshape(self.alpha.shape[first:])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer),
            "alpha_constraint": constraints.serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }


class ELU(Layer):
    """Bend below zero: f(x) = x if x > 0, alpha * (exp(x) - 1) elsewhere.

    Args:
        alpha: the limit of -f far below zero.
        **kwargs: see `Layer`.

    Source: Clevert et al. (2015), arXiv:1511.07289.
    """

    supports_masking = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = checks.number(self, "alpha", alpha)

    def lower(self, graph: Graph, *values: Value) -> Value:
        return graph.add(Activate(("elu", self.alpha, 0.0, 0.0)), *values)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}


class Softmax(Layer):
    """Turn scores into probabilities: f(x)_i = exp(x_i) / sum over j of exp(x_j).

    Args:
        axis: the axis, or the axes together, along which outputs sum to one.
        **kwargs: see `Layer`.

    Raises:
        ValueError: there is no such axis, or it is the batch axis.
    """

    supports_masking = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        axes = checks.axes(self, "axis", axis)
        self.axis = axis if isinstance(axis, int) else list(axes)

    def build(self, input_shape: Shape) -> None:
        self._axes_of(input_shape)

    def _axes_of(self, shape: Shape) -> tuple[int, ...]:
        axes = checks.axes(self, "axis", self.axis)
        return tuple(dict.fromkeys(checks.axis_in(self, axis, shape) for axis in axes))

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        rank = len(value.shape)
        summed = tuple(axis - 1 for axis in self._axes_of((None, *value.shape)))
        kept = tuple(axis for axis in range(rank) if axis not in summed)
        order = (*kept, *summed)
        value = lowering.permute(graph, value, order)
        shape = value.shape
        value = graph.reshape(value, (*shape[: len(kept)], math.prod(shape[len(kept) :])))
        value = graph.reshape(graph.add(RowActivate("softmax"), value), shape)
        return lowering.permute(graph, value, tuple(order.index(axis) for axis in range(rank)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
