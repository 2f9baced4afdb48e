"""Operations that change nothing, taken out: whoever reads their output reads their input."""

from __future__ import annotations

from cnnfast.engine.graph import Graph, Operation
from cnnfast.engine.passes.rewrite import Rewriter
from cnnfast.ops.convolution import NO_BORDER
from cnnfast.ops.elementwise import LINEAR, Activate, Combine
from cnnfast.ops.layout import Concatenate, Pad, Permute
from cnnfast.ops.normalization import ScaleShift
from cnnfast.ops.pooling import Pooling
from cnnfast.ops.resizing import Crop, Enlarge


def drop_identities(graph: Graph) -> Graph:
    """Take out what copies its input, in whatever shape."""
    rewriter = Rewriter(graph)
    for operation in graph.operations:
        if is_identity(operation):
            rewriter.skip(operation)
        else:
            rewriter.keep(operation)
    return rewriter.graph()


def is_identity(operation: Operation) -> bool:
    """Whether the output holds the same floats in the same order as the only input."""
    op = operation.op
    if len(operation.inputs) != 1:
        return False
    if isinstance(op, Activate):
        return op.activation[0] == LINEAR[0]
    if isinstance(op, ScaleShift):
        is_one = bool((op.scale == 1).all() and (op.shift == 0).all())
        return is_one and op.activation[0] == LINEAR[0]
    if isinstance(op, Permute):
        return keeps_order(operation.inputs[0].shape, op.axes)
    if isinstance(op, Pooling):
        return op.pool == op.strides == (1, 1) and op.padding == NO_BORDER
    return (
        isinstance(op, Combine | Concatenate)
        or (isinstance(op, Pad) and op.padding == NO_BORDER)
        or (isinstance(op, Crop) and op.cropping == NO_BORDER)
        or (isinstance(op, Enlarge) and op.factors == (1, 1))
    )


def keeps_order(shape: tuple[int, ...], axes: tuple[int, ...]) -> bool:
    """Whether a permutation moves only axes of one element."""
    longer = [axis for axis in axes if shape[axis] != 1]
    return longer == sorted(longer)
