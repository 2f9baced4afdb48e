"""Sums of branches into the convolution that ends one of them: added while it is in registers.

add(w * x, a, b) = w * x + (a + b), where nothing else reads the convolution's output. Of several
convolutions the last one adds, so that no other has to be moved behind it.
"""

from __future__ import annotations

from dataclasses import replace

from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.engine.passes.rewrite import Rewriter
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.elementwise import LINEAR, Add


def fuse_residuals(graph: Graph) -> Graph:
    """Let convolutions add what is added to their outputs."""
    rewriter = Rewriter(graph)
    for operation in graph.operations:
        branch = last_convolution(rewriter, operation)
        if branch is None:
            rewriter.keep(operation)
        else:
            add_to(rewriter, branch, operation)
    return rewriter.graph()


def last_convolution(rewriter: Rewriter, operation: Operation) -> Operation | None:
    """Find the last of a sum's terms that a convolution without activation makes."""
    if not isinstance(operation.op, Add):
        return None
    makers = [rewriter.sole_maker(value) for value in operation.inputs]
    able = [maker for maker in makers if maker is not None and can_add(maker)]
    return max(able, key=rewriter.position, default=None)


def can_add(operation: Operation) -> bool:
    """Whether an operation is a convolution that can still take a second input."""
    op = operation.op
    return isinstance(op, Convolution) and op.activation == LINEAR and not op.adds


def add_to(rewriter: Rewriter, branch: Operation, operation: Operation) -> None:
    """Put a convolution that adds the other terms in the place of a sum."""
    values = [rewriter.current(value) for value in operation.inputs]
    others = [value for value in values if value.root is not branch.output]
    term = others[0] if len(others) == 1 else rewriter.add(Add(), *others)
    shape = branch.output.shape
    seen = term if term.shape == shape else Value(shape, term.dtype, alias=term)
    rewriter.drop(branch)
    assert isinstance(branch.op, Convolution)
    rewriter.replace(operation, replace(branch.op, adds=True), *branch.inputs, seen)
