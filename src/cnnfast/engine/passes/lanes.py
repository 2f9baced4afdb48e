"""Small networks with images in the lanes: channels too few for a vector leave none of it empty.

A chain of operations from a graph's input on becomes one operation that interleaves as many
images as a vector has lanes. What it costs is counted in multiply-adds of a vector per image:
    channels in the lanes   ceil(K / lanes) for each tap of each pixel, a call for each tile
    images in the lanes     K / lanes for each tap of each pixel, and the way in and out;
                            FOURS of that where four pixels at a time save multiplications
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Final

from cnnfast._kernels import dispatch
from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.engine.passes.rewrite import Rewriter
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.lanes import Lanes, Link, has_stage
from cnnfast.ops.quads import suits
from cnnfast.ops.winograd_costs import sequence_time, winograd_time

# Measured with AVX-512 and AVX2, in multiply-adds of a vector (0.3 ns): calling a micro-kernel
# and filling its pipeline; interleaving one float.
CALL: Final = 40.0
MOVE: Final = 0.5
# What is left of a convolution by fours of pixels: 57 of 98 ns for 16 filters of 5 taps at 11
# places of four, and the additions weigh more where they share a unit with the products.
FOURS: Final = 0.6
# What must be saved to change the way.
GAIN: Final = 0.75
# Floats of interleaved values side by side: a quarter of a 1 MB L2.
LARGEST_BUFFERS: Final = 64 * 1024


def run_in_lanes(graph: Graph) -> Graph:
    """Put images in the lanes for the first operations of a graph, where that pays."""
    rewriter = Rewriter(graph)
    replaced: dict[Operation, Lanes | None] = {}
    sources: dict[Operation, Value] = {}
    for chain in chains(graph):
        op = worthwhile([Link(operation.op, operation.inputs[0].shape) for operation in chain])
        if op is not None:
            taken = chain[: len(op.links)]
            replaced |= dict.fromkeys(taken) | {taken[-1]: op}
            sources[taken[-1]] = taken[0].inputs[0]
    for operation in graph.operations:
        op = replaced.get(operation)
        if op is not None:
            rewriter.replace(operation, op, sources[operation])
        elif operation not in replaced:
            rewriter.keep(operation)
    return rewriter.graph()


def chains(graph: Graph) -> Iterator[list[Operation]]:
    """Find what leads from the inputs on, each operation the only reader of the one before."""
    readers: dict[Value, list[Operation]] = {}
    for operation in graph.operations:
        for value in operation.inputs:
            readers.setdefault(value.root, []).append(operation)
    outputs = {value.root for value in graph.outputs}
    for value in graph.inputs:
        for first in readers.get(value, ()):
            chain, following = [], [first]
            while len(following) == 1 and can_follow(following[0]):
                chain.append(following[0])
                made = chain[-1].output
                following = [] if made in outputs else readers.get(made, [])
            if chain:
                yield chain


def can_follow(operation: Operation) -> bool:
    """Whether an operation can be part of a chain."""
    return (
        len(operation.inputs) == 1
        and operation.inputs[0].dtype == "float32"
        and has_stage(Link(operation.op, operation.inputs[0].shape))
    )


def worthwhile(links: list[Link]) -> Lanes | None:
    """Choose how much of a chain to do with images in the lanes, if any of it."""
    best, saved = 0, 0.0
    direct, interleaved = total(direct_cost, links), total(lane_cost, links)
    for count in range(1, len(links) + 1):
        if largest_neighbours(links[:count]) * dispatch.lanes() > LARGEST_BUFFERS:
            break
        cost = interleaved[count - 1] + moving_cost(links[:count])
        if cost < GAIN * direct[count - 1] and direct[count - 1] - cost > saved:
            best, saved = count, direct[count - 1] - cost
    if best == 0:
        return None
    block = dispatch.lanes() * (interleaved[best - 1] + moving_cost(links[:best]))
    return Lanes(tuple(links[:best]), few=math.ceil(block / direct[best - 1]))


def total(cost: Callable[[Link], float], links: list[Link]) -> list[float]:
    """Add up the costs of a chain's operations, up to each of them."""
    return list(accumulate(cost(link) for link in links))


def largest_neighbours(links: list[Link]) -> int:
    """Return the most floats that an operation reads and writes, per image."""
    return max(math.prod(link.shape) + math.prod(link.output_shape) for link in links)


def moving_cost(links: list[Link]) -> float:
    """Cost of interleaving an image and taking the result apart."""
    return MOVE * (math.prod(links[0].shape) + math.prod(links[-1].output_shape))


def lane_cost(link: Link) -> float:
    """Cost of an operation with images in the lanes."""
    products = taps(link) * math.prod(link.output_shape) / dispatch.lanes()
    return FOURS * products if isinstance(link.op, Convolution) and suits(link.op) else products


def direct_cost(link: Link) -> float:
    """Cost of an operation with channels in the lanes."""
    *rest, channels = link.output_shape
    pixels = math.prod(rest)
    vectors = math.ceil(channels / dispatch.lanes())
    products: float = taps(link) * pixels * vectors
    if isinstance(link.op, Convolution):
        R, S, C, K = link.op.kernel.shape
        P, Q, _ = link.output_shape
        if link.op.suits_winograd(link.shape):
            products *= winograd_time(P, Q, R, C, K)
        elif link.op.suits_winograd_sequence(link.shape):
            products *= sequence_time(Q, S, C, K, link.op.dilation[1])
    return products + CALL * calls(link, vectors)


def taps(link: Link) -> int:
    """Count what is added up for one output."""
    if isinstance(link.op, Convolution):
        return math.prod(link.op.kernel.shape[:3])
    if isinstance(link.op, Dense):
        return int(link.op.kernel.shape[0])
    return max(1, math.prod(link.shape) // math.prod(link.output_shape))


def calls(link: Link, vectors: int) -> float:
    """Count the calls of a micro-kernel; matrices share theirs between images."""
    if isinstance(link.op, Dense) or len(link.shape) != 3:
        return vectors / 2 / dispatch.gemm_rows()
    P, Q = link.output_shape[:2] if len(link.output_shape) == 3 else (1, 1)
    if isinstance(link.op, Convolution):
        return P * math.ceil(Q / dispatch.gemm_rows()) * math.ceil(vectors / 2)
    return P
