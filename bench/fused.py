"""Kernels that do several operations of a network at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from bench.subject import RELU, Subject, draw
from cnnfast._kernels import dispatch
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.lanes import Lanes, Link
from cnnfast.ops.pooled import PooledConvolution
from cnnfast.ops.pooling import Pooling
from cnnfast.ops.strips import Strips


def interleaved(threads: int) -> Iterator[Subject]:
    """Run the beginning of small networks with images in the lanes, one stage and several."""
    first = Convolution(draw(1, 3, 1, 16), draw(16), activation=RELU)
    second = Convolution(draw(1, 3, 16, 16), draw(16), activation=RELU)
    pooled = Pooling("max", (1, 2), (1, 2))
    yield chain("lanes conv1d 48x16 -> 16, k 3", (1, 48, 16), [second], threads)
    yield chain(
        "lanes stock: conv1d, conv1d, max pool", (1, 50, 1), [first, second, pooled], threads
    )
    yield chain("lanes dense 32 -> 16", (32,), [Dense(draw(32, 16), draw(16))], threads)


def chain(name: str, shape: Shape, ops: Sequence[Op], threads: int) -> Subject:
    """Run operations one after the other on interleaved images."""
    links = []
    for op in ops:
        links.append(Link(op, links[-1].output_shape if links else shape))
    kernel: Any = Lanes(tuple(links)).prepare(shape)
    x = draw(64 * dispatch.lanes(), math.prod(shape))
    y = np.empty((len(x), math.prod(links[-1].output_shape)), np.float32)
    return Subject(name, partial(kernel.run, x, y, threads), len(x) * kernel.work)


def together(threads: int) -> Iterator[Subject]:
    """Run convolutions that pool, and blocks around a depthwise one."""
    border, windows = ((1, 1), (1, 1)), Pooling("max", (2, 2), (2, 2))
    for side, channels, filters, images in ((28, 1, 32, 64), (32, 64, 64, 16)):
        first = Convolution(draw(3, 3, channels, filters), draw(filters), (1, 1), border)
        name = f"conv 3x3 and max pool {side}x{side}x{channels} -> {filters}"
        pooled = PooledConvolution(first, windows)
        yield whole(name, pooled, (side, side, channels), images, threads)
    block = Strips(
        (
            Convolution(draw(1, 1, 24, 144), draw(144), activation=RELU),
            Depthwise(draw(3, 3, 144, 1), draw(144), (1, 1), border, activation=RELU),
            Convolution(draw(1, 1, 144, 24), draw(24)),
        )
    )
    yield whole("inverted residual 56x56x24, 144 within", block, (56, 56, 24), 8, threads)


def whole(name: str, op: Op, shape: Shape, images: int, threads: int) -> Subject:
    """Run an operation on images."""
    kernel: Any = op.prepare(shape)
    x, y = draw(images, *shape), np.empty((images, *op.output_shape(shape)), np.float32)
    return Subject(name, partial(kernel.run, x, y, threads), images * kernel.work)
