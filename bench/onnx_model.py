"""A graph of operations as an ONNX model, laid out as its runtimes like it.

Images are NCHW from the input on (the caller transposes, untimed), so that no transpose stands
in the network; where an image is flattened into a dense layer, the dense weights are reordered
instead. A sequence is an image of height 1, for which runtimes have their best convolutions.
Batch normalization is written as such, for the runtime to fold.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bench.grouped import as_groups
from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.ops.base import Shape
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import Activate, Activation, Add, Combine, RowActivate
from cnnfast.ops.embedding import Embedding
from cnnfast.ops.layout import Concatenate, Pad
from cnnfast.ops.normalization import Gate, ScaleShift
from cnnfast.ops.pooling import GlobalPooling, Pooling
from cnnfast.ops.resizing import Crop, Enlarge

OPSET = 17


class Writer:
    """Writes operations as nodes, one after the other.

    Args:
        graph: with one input and one output.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.names: dict[Value, str] = {graph.inputs[0]: "input"}
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def model(self) -> bytes:
        """Return the serialized model."""
        for operation in self.graph.operations:
            self.names[operation.output] = WRITERS[type(operation.op)](self, operation)
        source, result = self.graph.inputs[0], self.graph.outputs[0]
        kind = TensorProto.INT32 if source.dtype == "int32" else TensorProto.FLOAT
        onnx_graph = helper.make_graph(
            self.nodes,
            "network",
            [
                helper.make_tensor_value_info(
                    "input", kind, ["batch", *channels_first(source.shape)]
                )
            ],
            [
                helper.make_tensor_value_info(
                    self.name(result), TensorProto.FLOAT, ["batch", *channels_first(result.shape)]
                )
            ],
            self.constants,
        )
        model = helper.make_model(onnx_graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, value: NDArray[Any]) -> str:
        """Add a constant and return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def name(self, value: Value) -> str:
        """Return the name of a value, reshaped first where it is seen in another shape."""
        if value not in self.names:
            self.names[value] = self.seen(self.name(value.root), value.root.shape, value.shape)
        return self.names[value]

    def seen(self, name: str, old: Shape, new: Shape) -> str:
        """See a value in another shape."""
        if as_image(old) == as_image(new):
            return name
        if len(old) > 1 and math.prod(old[:-1]) > 1:
            name = self.node("Transpose", [name], perm=[0, 2, 3, 1])
        if math.prod(new[:-1]) == 1:
            return self.reshaped(name, channels_first(new))
        return self.node("Transpose", [self.reshaped(name, as_image(new))], perm=[0, 3, 1, 2])

    def reshaped(self, name: str, shape: Shape) -> str:
        """Add a Reshape of all axes but the batch's."""
        return self.node("Reshape", [name, self.constant(np.array([0, *shape], np.int64))])

    def activate(self, name: str, activation: Activation) -> str:
        """Add the node of an activation."""
        kind = activation[0]
        if kind == "linear":
            return name
        if kind == "relu" and activation[2] == 6.0:
            bounds = [self.constant(np.array(bound, np.float32)) for bound in (0.0, 6.0)]
            return self.node("Clip", [name, *bounds])
        if kind == "relu" and activation[1:] != (0.0, np.inf, 0.0):
            return self.node("LeakyRelu", [name], alpha=activation[1])
        if kind == "silu":
            return self.node("Mul", [name, self.node("Sigmoid", [name])])
        return self.node({"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}[kind], [name])


def as_image(shape: Shape) -> Shape:
    """Give a sequence the height 1; leave all else as it is."""
    return (1, *shape) if len(shape) == 2 else shape


def channels_first(shape: Shape) -> Shape:
    """Return the shape that a value has in the ONNX model."""
    if len(shape) == 1:
        return shape
    H, W, C = as_image(shape)
    return (C, H, W)


def write_convolution(writer: Writer, operation: Operation) -> str:
    """Conv, with its activation behind it."""
    op: Any = operation.op
    inputs = [writer.name(operation.inputs[0]), writer.constant(op.kernel.transpose(3, 2, 0, 1))]
    if op.bias is not None:
        inputs.append(writer.constant(op.bias))
    (top, bottom), (left, right) = op.padding
    name = writer.node(
        "Conv", inputs, kernel_shape=op.kernel.shape[:2], strides=op.strides,
        dilations=op.dilation, group=op.groups, pads=[top, left, bottom, right],
    )  # fmt: skip
    return writer.activate(name, op.activation)


def write_depthwise(writer: Writer, operation: Operation) -> str:
    """Conv with as many groups as channels."""
    op = as_groups(operation.op)
    return write_convolution(writer, Operation(op, operation.inputs, operation.output))


def write_dense(writer: Writer, operation: Operation) -> str:
    """Gemm, its weights in the order of a flattened channels-first image; or a 1 x 1 Conv."""
    op: Any = operation.op
    source, kernel = operation.inputs[0], op.kernel
    if len(source.shape) > 1:
        pointwise = Convolution(kernel[None, None], op.bias, activation=op.activation)
        return write_convolution(writer, Operation(pointwise, (source,), operation.output))
    image = as_image(source.root.shape)
    if len(image) == 3:
        kernel = kernel.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
        name = writer.reshaped(writer.name(source.root), source.shape)
    else:
        name = writer.name(source)
    inputs = [name, writer.constant(kernel)]
    if op.bias is not None:
        inputs.append(writer.constant(op.bias))
    return writer.activate(writer.node("Gemm", inputs), op.activation)


def write_pooling(writer: Writer, operation: Operation) -> str:
    """MaxPool or AveragePool; padding does not count."""
    op: Any = operation.op
    (top, bottom), (left, right) = op.padding
    kind, extra = ("MaxPool", {}) if op.kind == "max" else (
        "AveragePool", {"count_include_pad": 0})  # fmt: skip
    return writer.node(
        kind, [writer.name(operation.inputs[0])], kernel_shape=op.pool, strides=op.strides,
        pads=[top, left, bottom, right], **extra,
    )  # fmt: skip


def write_global_pooling(writer: Writer, operation: Operation) -> str:
    """GlobalMaxPool or GlobalAveragePool, its axes of length 1 dropped."""
    op: Any = operation.op
    kind = "GlobalMaxPool" if op.kind == "max" else "GlobalAveragePool"
    return writer.node("Flatten", [writer.node(kind, [writer.name(operation.inputs[0])])])


def write_embedding(writer: Writer, operation: Operation) -> str:
    """Gather; a sequence of rows is an image of height 1 right away."""
    op: Any = operation.op
    rows = writer.node("Gather", [writer.constant(op.table), writer.name(operation.inputs[0])])
    columns = writer.node("Transpose", [rows], perm=[0, 2, 1])
    return writer.reshaped(columns, channels_first(operation.output.shape))


def write_scale_shift(writer: Writer, operation: Operation) -> str:
    """BatchNormalization with mean 0 and variance 1."""
    op: Any = operation.op
    statistics = [np.zeros_like(op.scale), np.ones_like(op.scale)]
    constants = [writer.constant(value) for value in (op.scale, op.shift, *statistics)]
    return writer.node(
        "BatchNormalization", [writer.name(operation.inputs[0]), *constants], epsilon=0.0
    )


def write_row_activation(writer: Writer, operation: Operation) -> str:
    """Softmax over the channels."""
    op: Any = operation.op
    if op.name != "softmax":
        raise NotImplementedError(op.name)
    return writer.node("Softmax", [writer.name(operation.inputs[0])], axis=1)


def write_activation(writer: Writer, operation: Operation) -> str:
    """An activation on its own."""
    op: Any = operation.op
    return writer.activate(writer.name(operation.inputs[0]), op.activation)


def write_combination(writer: Writer, operation: Operation) -> str:
    """Add, Sub, Mul, Max or Min, from the left."""
    op: Any = operation.op
    kind = {"add": "Add", "subtract": "Sub", "multiply": "Mul", "maximum": "Max", "minimum": "Min"}
    first, *others = [writer.name(value) for value in operation.inputs]
    for other in others:
        first = writer.node(kind[op.name], [first, other])
    return first


def write_gate(writer: Writer, operation: Operation) -> str:
    """Mul, the gates seen as an image of one pixel."""
    value, gates = operation.inputs
    pixel = writer.reshaped(writer.name(gates), (gates.size, 1, 1))
    return writer.node("Mul", [writer.name(value), pixel])


def write_crop(writer: Writer, operation: Operation) -> str:
    """Slice, rows and columns."""
    op: Any = operation.op
    H, W, _ = operation.inputs[0].shape
    (top, bottom), (left, right) = op.cropping
    bounds = ([top, left], [H - bottom, W - right], [2, 3])
    constants = [writer.constant(np.array(bound, np.int64)) for bound in bounds]
    return writer.node("Slice", [writer.name(operation.inputs[0]), *constants])


def write_enlargement(writer: Writer, operation: Operation) -> str:
    """Resize, pixels being points at their centres."""
    op: Any = operation.op
    scales = writer.constant(np.array([1, 1, *op.factors], np.float32))
    options = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    if op.interpolation == "nearest":
        options = {
            "mode": "nearest", "coordinate_transformation_mode": "asymmetric",
            "nearest_mode": "floor",
        }  # fmt: skip
    return writer.node("Resize", [writer.name(operation.inputs[0]), "", scales], **options)


def write_pad(writer: Writer, operation: Operation) -> str:
    """Pad, with zeros."""
    op: Any = operation.op
    (top, bottom), (left, right) = op.padding
    amounts = writer.constant(np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
    return writer.node("Pad", [writer.name(operation.inputs[0]), amounts])


def write_concatenate(writer: Writer, operation: Operation) -> str:
    """Concat; the last axis of an image is the channels', which come first here."""
    op: Any = operation.op
    rank = len(operation.output.shape)
    axis = (*range(5 - rank, 4), 1)[op.axis] if rank > 1 else 1
    return writer.node("Concat", [writer.name(value) for value in operation.inputs], axis=axis)


WRITERS: dict[type, Callable[[Writer, Operation], str]] = {
    Activate: write_activation,
    Add: write_combination,
    Combine: write_combination,
    Concatenate: write_concatenate,
    Convolution: write_convolution,
    Crop: write_crop,
    Dense: write_dense,
    Depthwise: write_depthwise,
    Embedding: write_embedding,
    Enlarge: write_enlargement,
    Gate: write_gate,
    GlobalPooling: write_global_pooling,
    Pad: write_pad,
    Pooling: write_pooling,
    RowActivate: write_row_activation,
    ScaleShift: write_scale_shift,
}
