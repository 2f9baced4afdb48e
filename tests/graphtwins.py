"""Graphs computed by the float64 twins of `reference.py`, and gradients of their weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import reference
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.heads import Head
from cnnfast.engine.parameters import Parameters
from cnnfast.engine.training_plan import TrainingPlan
from cnnfast.engine.variable import Variable
from cnnfast.ops.base import Op
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import LINEAR, Activate, Add, Combine, Prelu, RowActivate
from cnnfast.ops.embedding import Embedding
from cnnfast.ops.layout import Concatenate, Pad, Permute
from cnnfast.ops.normalization import Gate, ScaleShift
from cnnfast.ops.pooling import GlobalPooling, Pooling
from cnnfast.ops.resizing import Crop, Enlarge

Array = np.ndarray
Constants = Callable[[Any], Any]


def depthwise(op: Any, get: Constants, x: Array) -> Array:
    R, S, C, M = op.kernel.shape
    kernel = get(op.kernel).reshape(R, S, 1, C * M)
    return reference.convolution(
        x, kernel, get(op.bias), op.strides, op.padding, op.dilation, groups=C
    )


# What an operation computes but for its activation; `get` gives a constant's present value.
TWINS: dict[type[Op], Callable[..., Array]] = {
    Activate: lambda op, get, x: x,
    Add: lambda op, get, *x: reference.combine("add", *x),
    Combine: lambda op, get, *x: reference.combine(op.name, *x),
    Concatenate: lambda op, get, *x: reference.concatenate(x, op.axis),
    Convolution: lambda op, get, x: reference.convolution(
        x, get(op.kernel), get(op.bias), op.strides, op.padding, op.dilation, op.groups
    ),
    Crop: lambda op, get, x: reference.crop(x, op.cropping),
    Dense: lambda op, get, x: reference.dense(x, get(op.kernel), get(op.bias)),
    Depthwise: depthwise,
    Embedding: lambda op, get, x: reference.embedding(x, get(op.table)),
    Enlarge: lambda op, get, x: reference.enlarge(op.interpolation, x, op.factors),
    Gate: lambda op, get, x, gates: reference.gate(x, gates),
    GlobalPooling: lambda op, get, x: reference.global_pooling(op.kind, x),
    Pad: lambda op, get, x: reference.pad(x, op.padding),
    Permute: lambda op, get, x: reference.permute(x, op.axes),
    Pooling: lambda op, get, x: reference.pooling(op.kind, x, op.pool, op.strides, op.padding),
    Prelu: lambda op, get, x: reference.prelu(x, get(op.slopes)),
    RowActivate: lambda op, get, x: reference.row_activate(x, op.name),
    ScaleShift: lambda op, get, x: reference.scale_shift(x, op.scale, op.shift),
}


def evaluate(graph: Graph, inputs: Sequence[Array], weights: Sequence[tuple[Array, Array]]) -> Any:
    """Compute the outputs of a graph in float64.

    Args:
        graph: as layers make it.
        inputs: one array for each input.
        weights: (constant of an operation, the value it shall have instead).
    """
    found: dict[Value, Array] = dict(zip(graph.inputs, inputs, strict=True))

    def get(constant: Any) -> Any:
        if constant is None:
            return None
        for original, value in weights:
            if original.ctypes.data == constant.ctypes.data and original.size == constant.size:
                return value.reshape(constant.shape)
        return constant

    def value_of(value: Value) -> Array:
        return found[value.root].reshape(-1, *value.shape)

    for operation in graph.operations:
        op: Any = operation.op
        values = [value_of(value) for value in operation.inputs]
        result = TWINS[type(op)](op, get, *values)
        found[operation.output] = reference.activate(result, getattr(op, "activation", LINEAR))
    return [value_of(value) for value in graph.outputs]


def loss_of(graph: Graph, inputs: Any, seeds: Any, weights: Any) -> float:
    """Sum up the outputs times given gradients."""
    outputs = evaluate(graph, inputs, weights)
    return float(sum((y * seed).sum() for y, seed in zip(outputs, seeds, strict=True)))


def differences(
    graph: Graph, inputs: Any, seeds: Any, variables: Sequence[Variable], step: float
) -> list[Array]:
    """Compute the gradient of `loss_of` by every weight from central differences."""
    values = [np.array(variable.value, np.float64) for variable in variables]
    weights = list(zip([variable.value for variable in variables], values, strict=True))
    gradients = [np.zeros(value.shape) for value in values]
    for value, gradient in zip(values, gradients, strict=True):
        for place in np.ndindex(value.shape):
            kept = value[place]
            value[place] = kept + step
            above = loss_of(graph, inputs, seeds, weights)
            value[place] = kept - step
            gradient[place] = (above - loss_of(graph, inputs, seeds, weights)) / (2 * step)
            value[place] = kept
    return gradients


def engine_gradients(
    graph: Graph, inputs: Sequence[Array], seeds: Sequence[Array], variables: Sequence[Variable]
) -> list[Array]:
    """Let the training engine compute the same; the graph is used up."""
    parameters = Parameters(variables)
    heads = [Head(None)] * len(seeds)
    plan = TrainingPlan(graph, heads, parameters, Parameters([]), predicts=False)
    plan.run([*inputs, *seeds])
    return [np.array(view) for view in parameters.gradient_views]
