"""A graph of operations as a PyTorch module, as one would write it by hand.

Images are (N, C, H, W) to PyTorch, and lie in memory with their channels last, as its CPU kernels
like them; a sequence is an image of height 1. The module is a `torch.fx.GraphModule` of PyTorch's
own layers, which needs nothing of this package to be loaded again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn
from torch.nn import functional

from bench.grouped import as_groups
from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import Activate, Activation, Add, Combine, RowActivate
from cnnfast.ops.embedding import Embedding
from cnnfast.ops.layout import Concatenate, Pad
from cnnfast.ops.normalization import Gate, ScaleShift
from cnnfast.ops.pooling import GlobalPooling, Pooling
from cnnfast.ops.resizing import Crop, Enlarge

UNBOUNDED = float("inf")


class Translator:
    """Translates operations one after the other.

    Args:
        graph: with one input and one output.
        channels_last: whether an image flattened for a dense layer keeps its channels last, free
            of charge in that memory layout; else the weights of the layer are reordered instead.
    """

    def __init__(self, graph: Graph, channels_last: bool = True) -> None:
        self.graph = graph
        self.channels_last = channels_last
        self.traced = fx.Graph()
        self.layers = nn.Module()
        self.nodes: dict[Value, fx.Node] = {graph.inputs[0]: self.traced.placeholder("x")}
        self.copies: dict[str, int] = {}

    def module(self) -> fx.GraphModule:
        """Return the module, ready for inference."""
        for operation in self.graph.operations:
            self.nodes[operation.output] = TRANSLATIONS[type(operation.op)](self, operation)
        self.traced.output(self.node(self.graph.outputs[0]))
        return fx.GraphModule(self.layers, self.traced).eval()

    def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> fx.Node:
        """Add a call of a function."""
        return self.traced.call_function(function, arguments, named)

    def layer(self, layer: nn.Module, source: fx.Node) -> fx.Node:
        """Add a layer with weights of its own."""
        kind = type(layer).__name__.lower()
        self.copies[kind] = self.copies.get(kind, 0) + 1
        name = f"{kind}_{self.copies[kind]}"
        self.layers.add_module(name, layer)
        return self.traced.call_module(name, (source,))

    def node(self, value: Value) -> fx.Node:
        """Return the node of a value, reshaped first where it is seen in another shape."""
        if value not in self.nodes:
            self.nodes[value] = self.seen(value)
        return self.nodes[value]

    def seen(self, value: Value) -> fx.Node:
        """See a value in another shape; sequences and images of height 1 are the same."""
        old, new = as_image(value.root.shape), as_image(value.shape)
        source = self.node(value.root)
        if old == new:
            return source
        if len(old) > 1:
            source = self.call(torch.permute, source, (0, 2, 3, 1))
        source = self.call(torch.reshape, source, (-1, *new))
        return self.call(torch.permute, source, (0, 3, 1, 2)) if len(new) > 1 else source

    def activate(self, source: fx.Node, activation: Activation) -> fx.Node:
        """Add the call of an activation."""
        name, slope, most, threshold = activation
        if name == "linear":
            return source
        if name == "relu":
            if threshold or (slope and most != UNBOUNDED):
                raise NotImplementedError(f"relu with {activation[1:]}")
            if most != UNBOUNDED:
                return self.call(functional.hardtanh, source, 0.0, most)
            return self.call(functional.leaky_relu, source, slope) if slope else (
                self.call(functional.relu, source))  # fmt: skip
        return self.call(
            {"sigmoid": torch.sigmoid, "silu": functional.silu, "tanh": torch.tanh}[name], source
        )


def as_image(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Give a sequence the height 1; leave all else as it is."""
    return (1, *shape) if len(shape) == 2 else shape


def tensor(array: NDArray[Any]) -> nn.Parameter:
    """Copy a constant."""
    return nn.Parameter(torch.from_numpy(np.array(array, np.float32, order="C")))


def translate_convolution(translator: Translator, operation: Operation) -> fx.Node:
    """Conv2d; padding that differs from side to side is a step of its own."""
    op: Any = operation.op
    source = translator.node(operation.inputs[0])
    (top, bottom), (left, right) = op.padding
    is_even = top == bottom and left == right
    if not is_even:
        source = translator.call(functional.pad, source, (left, right, top, bottom))
    R, S, C, K = op.kernel.shape
    layer = nn.Conv2d(
        C * op.groups, K, (R, S), op.strides, (top, left) if is_even else 0, op.dilation,
        op.groups, bias=op.bias is not None,
    )  # fmt: skip
    layer.weight = tensor(op.kernel.transpose(3, 2, 0, 1))
    if op.bias is not None:
        layer.bias = tensor(op.bias)
    return translator.activate(translator.layer(layer, source), op.activation)


def translate_depthwise(translator: Translator, operation: Operation) -> fx.Node:
    """Conv2d with as many groups as channels."""
    op = as_groups(operation.op)
    return translate_convolution(translator, Operation(op, operation.inputs, operation.output))


def translate_dense(translator: Translator, operation: Operation) -> fx.Node:
    """Linear; over the pixels of an image a 1 x 1 convolution."""
    op: Any = operation.op
    value, kernel = operation.inputs[0], op.kernel
    if len(value.shape) > 1:
        pointwise = Convolution(kernel[None, None], op.bias, activation=op.activation)
        return translate_convolution(translator, Operation(pointwise, (value,), operation.output))
    image = as_image(value.root.shape)
    if len(image) == 3 and not translator.channels_last:
        kernel = kernel.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
        source = translator.call(torch.flatten, translator.node(value.root), 1)
    else:
        source = translator.node(value)
    layer = nn.Linear(*kernel.shape, bias=op.bias is not None)
    layer.weight = tensor(kernel.T)
    if op.bias is not None:
        layer.bias = tensor(op.bias)
    return translator.activate(translator.layer(layer, source), op.activation)


def translate_pooling(translator: Translator, operation: Operation) -> fx.Node:
    """max_pool2d or avg_pool2d; uneven padding of a maximum is a step of its own."""
    op: Any = operation.op
    source = translator.node(operation.inputs[0])
    (top, bottom), (left, right) = op.padding
    padding = (top, left)
    if (top, left) != (bottom, right):
        if op.kind != "max":
            raise NotImplementedError("an average over uneven padding")
        source = translator.call(
            functional.pad, source, (left, right, top, bottom), value=-UNBOUNDED
        )
        padding = (0, 0)
    if op.kind == "max":
        return translator.call(functional.max_pool2d, source, op.pool, op.strides, padding)
    return translator.call(
        functional.avg_pool2d, source, op.pool, op.strides, padding, count_include_pad=False
    )


def translate_global_pooling(translator: Translator, operation: Operation) -> fx.Node:
    """Amax or mean over the pixels."""
    op: Any = operation.op
    function = torch.amax if op.kind == "max" else torch.mean
    return translator.call(function, translator.node(operation.inputs[0]), (2, 3))


def translate_embedding(translator: Translator, operation: Operation) -> fx.Node:
    """Embedding of (N, L) ids as an image (N, D, 1, L)."""
    op: Any = operation.op
    layer = nn.Embedding.from_pretrained(tensor(op.table), freeze=False)
    rows = translator.layer(layer, translator.node(operation.inputs[0]))
    return translator.call(torch.unsqueeze, translator.call(torch.permute, rows, (0, 2, 1)), 2)


def translate_scale_shift(translator: Translator, operation: Operation) -> fx.Node:
    """BatchNorm2d with mean 0 and variance 1, for PyTorch's compiler to fold."""
    op: Any = operation.op
    layer = nn.BatchNorm2d(op.scale.size, eps=0.0)
    layer.weight, layer.bias = tensor(op.scale), tensor(op.shift)
    return translator.layer(layer, translator.node(operation.inputs[0]))


def translate_row_activation(translator: Translator, operation: Operation) -> fx.Node:
    """Softmax over the channels."""
    op: Any = operation.op
    if op.name != "softmax":
        raise NotImplementedError(op.name)
    return translator.call(torch.softmax, translator.node(operation.inputs[0]), 1)


def translate_activation(translator: Translator, operation: Operation) -> fx.Node:
    """An activation on its own."""
    op: Any = operation.op
    return translator.activate(translator.node(operation.inputs[0]), op.activation)


def translate_combination(translator: Translator, operation: Operation) -> fx.Node:
    """A function of two tensors, from the left."""
    op: Any = operation.op
    function = getattr(torch, op.name)
    first, *others = map(translator.node, operation.inputs)
    for other in others:
        first = translator.call(function, first, other)
    return first


def translate_gate(translator: Translator, operation: Operation) -> fx.Node:
    """Mul, the gates seen as an image of one pixel."""
    value, gates = map(translator.node, operation.inputs)
    pixel = translator.call(torch.reshape, gates, (-1, operation.inputs[1].size, 1, 1))
    return translator.call(torch.mul, value, pixel)


def translate_crop(translator: Translator, operation: Operation) -> fx.Node:
    """A border of less than nothing."""
    op: Any = operation.op
    (top, bottom), (left, right) = op.cropping
    source = translator.node(operation.inputs[0])
    return translator.call(functional.pad, source, (-left, -right, -top, -bottom))


def translate_enlargement(translator: Translator, operation: Operation) -> fx.Node:
    """Interpolate, pixels being points at their centres."""
    op: Any = operation.op
    source = translator.node(operation.inputs[0])
    factors = tuple(map(float, op.factors))
    return translator.call(
        functional.interpolate, source, scale_factor=factors, mode=op.interpolation
    )


def translate_pad(translator: Translator, operation: Operation) -> fx.Node:
    """Zeros around an image."""
    op: Any = operation.op
    (top, bottom), (left, right) = op.padding
    source = translator.node(operation.inputs[0])
    return translator.call(functional.pad, source, (left, right, top, bottom))


def translate_concatenate(translator: Translator, operation: Operation) -> fx.Node:
    """Cat; the last axis of an image is its channels', which come first here."""
    op: Any = operation.op
    rank = len(operation.output.shape)
    axis = (*range(5 - rank, 4), 1)[op.axis] if rank > 1 else 1
    return translator.call(torch.cat, [translator.node(value) for value in operation.inputs], axis)


TRANSLATIONS: dict[type, Callable[[Translator, Operation], fx.Node]] = {
    Activate: translate_activation,
    Add: translate_combination,
    Combine: translate_combination,
    Concatenate: translate_concatenate,
    Convolution: translate_convolution,
    Crop: translate_crop,
    Dense: translate_dense,
    Depthwise: translate_depthwise,
    Embedding: translate_embedding,
    Enlarge: translate_enlargement,
    Gate: translate_gate,
    GlobalPooling: translate_global_pooling,
    Pad: translate_pad,
    Pooling: translate_pooling,
    RowActivate: translate_row_activation,
    ScaleShift: translate_scale_shift,
}
