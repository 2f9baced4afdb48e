"""Kernels whose rows lie apart: what they write and read there is what they do side by side."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from cnnfast._kernels.executor import Program
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import Activate
from cnnfast.ops.layout import Concatenate
from cnnfast.ops.normalization import ScaleShift
from cnnfast.ops.pooled import PooledConvolution
from cnnfast.ops.pooling import Pooling
from cnnfast.ops.resizing import Enlarge
from cnnfast.ops.strips import Strips

RELU = ("relu", 0.0, np.inf, 0.0)
TANH = ("tanh", 0.0, 0.0, 0.0)
SAME3 = ((1, 1), (1, 1))
UNTOUCHED = np.float32(7.5)


def normal(*shape: int) -> np.ndarray:
    """Draw a float32 array; the same shape gives the same array."""
    return np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


def winograd(activation=RELU) -> Convolution:
    return Convolution(normal(3, 3, 32, 40), normal(40), padding=SAME3, activation=activation)


def two_by_two(kind: str) -> Pooling:
    return Pooling(kind, (2, 2), (2, 2))


# An operation that can write rows apart, and the shape of an image for it.
WRITERS: dict[str, tuple[Op, Shape]] = {
    "dense": (Dense(normal(24, 37), normal(37), RELU), (11, 24)),
    "dense, gathered": (Dense(normal(512, 70)), (5, 512)),
    "dense, tanh": (Dense(normal(24, 70), activation=TANH), (3, 24)),
    "convolution": (Convolution(normal(3, 3, 5, 19), padding=SAME3, activation=RELU), (6, 7, 5)),
    "convolution, tanh": (Convolution(normal(2, 3, 5, 19), strides=(2, 1), activation=TANH),
                          (6, 7, 5)),
    "groups": (Convolution(normal(3, 3, 4, 18), groups=2), (6, 7, 8)),
    "pooled convolution": (
        PooledConvolution(Convolution(normal(3, 3, 5, 19)), two_by_two("max")), (9, 10, 5)),
    "winograd": (winograd(), (11, 9, 32)),
    "winograd, tanh": (winograd(TANH), (11, 9, 32)),
    "pooled winograd": (PooledConvolution(winograd(), two_by_two("average")), (11, 9, 32)),
    "winograd of 5 x 5": (Convolution(normal(5, 5, 32, 40), activation=RELU), (11, 9, 32)),
    "pooled winograd of 5 x 5": (
        PooledConvolution(Convolution(normal(5, 5, 32, 40)), two_by_two("max")), (11, 9, 32)),
    "winograd along rows": (Convolution(normal(1, 7, 32, 40), activation=RELU), (2, 31, 32)),
    "winograd, dilation, tanh": (
        Convolution(normal(1, 3, 32, 40), dilation=(1, 2), activation=TANH), (1, 31, 32)),
    "pooling": (Pooling("max", (3, 3), (2, 2), SAME3), (9, 10, 21)),
    "pooling in line": (Pooling("average", (1, 3), (1, 1)), (4, 9, 16)),
    "pooling columns first": (Pooling("average", (5, 5), (1, 1), ((2, 2), (2, 2))), (9, 8, 18)),
    "pooling nothing": (Pooling("max", (1, 1), (1, 1), ((1, 0), (0, 1))), (3, 4, 16)),
    "scale": (ScaleShift(normal(21), -normal(21), RELU), (5, 3, 21)),
    "scale, tanh": (ScaleShift(normal(16), normal(16), TANH), (5, 3, 16)),
    "strips": (Strips((ScaleShift(normal(20), normal(20), RELU),
                       Convolution(normal(1, 1, 20, 32), activation=RELU), winograd())),
               (13, 9, 20)),
    "strips, pooling": (Strips((Convolution(normal(3, 3, 5, 19), padding=SAME3),
                                Pooling("max", (3, 3), (2, 2)))), (13, 9, 5)),
    "copy": (Concatenate(2), (4, 3, 5)),
    "nearest": (Enlarge((2, 3), "nearest"), (4, 3, 5)),
    "bilinear": (Enlarge((2, 3), "bilinear"), (4, 3, 5)),
}  # fmt: skip

READERS = {
    name: WRITERS[name]
    for name in (
        "dense",
        "dense, gathered",
        "dense, tanh",
        "scale",
        "scale, tanh",
        "strips",
        "copy",
    )
}


def run(
    kernel: Kernel, x: np.ndarray, size: int, first: tuple[int, int] | None = None
) -> np.ndarray:
    """Run a kernel in a plan.

    Args:
        kernel: what to run.
        x: input images, all of their array.
        size: floats of an output image, all of its array.
        first: floats in front of what is read, and of what is written, where there are any.
    """
    y = np.full((len(x), size), UNTOUCHED)
    source, target = ("input", 0, x[0].size), ("output", 0, size)
    if first is not None:
        source, target = (*source, first[0]), (*target, first[1])
    program = Program([(kernel, (source,), target)], (x[0].size,), (size,), 0)
    program.run([x], [y], len(x), 1)
    return y


def expected_of(op: Op, x: np.ndarray) -> np.ndarray:
    """Do an operation on images that lie side by side, one after the other."""
    size = math.prod(op.output_shape(x.shape[1:]))
    return run(op.prepare(x.shape[1:]), x, size)


@pytest.mark.parametrize("name", WRITERS)
def test_rows_written_apart_are_the_same_and_leave_the_rest_alone(isa, name):
    op, shape = WRITERS[name]
    x = normal(3, *shape)
    kernel = op.prepare(shape)
    columns = kernel.pitches[1]
    if columns == 0:
        # A vector of this instruction set is longer than a pixel.
        assert name.startswith(("pooling", "scale"))
        return
    expected = expected_of(op, x).reshape(3, -1, columns)
    rows = expected.shape[1]
    for pitch, first in ((columns + 3, 2), (512, 512 - columns)):
        kernel = op.prepare(shape)
        kernel.spread(kernel.pitches[0], pitch)
        y = run(kernel, x, rows * pitch, (0, first)).reshape(3, rows, pitch)
        np.testing.assert_array_equal(y[:, :, first : first + columns], expected)
        y[:, :, first : first + columns] = UNTOUCHED
        assert (y == UNTOUCHED).all()


@pytest.mark.parametrize("name", READERS)
def test_rows_read_apart_give_the_same(isa, name):
    op, shape = READERS[name]
    x = normal(3, *shape)
    expected = expected_of(op, x)
    columns = op.prepare(shape).pitches[0]
    rows = x[0].size // columns
    for pitch, first in ((columns + 3, 2), (1024, 1024 - columns)):
        wide = np.full((3, rows, pitch), np.float32(np.nan))
        wide[:, :, first : first + columns] = x.reshape(3, rows, columns)
        kernel = op.prepare(shape)
        kernel.spread(pitch, kernel.pitches[1])
        y = run(kernel, wide, expected.shape[1], (first, 0))
        np.testing.assert_array_equal(y, expected)


def test_panels_that_threads_share_are_written_apart(isa):
    # Work enough for two threads.
    op = Dense(normal(1500, 700) / 40, normal(700), TANH)
    x = normal(1, 1, 1500)
    kernel = op.prepare((1, 1500))
    kernel.spread(1500, 833)
    y = np.full((1, 833), UNTOUCHED)
    step = (kernel, (("input", 0, 1500),), ("output", 0, 833, 100))
    program = Program([step], (1500,), (833,), 0, [(1, 0, 0)])
    program.run([x], [y], 1, 2)
    np.testing.assert_array_equal(y[:, 100:800], expected_of(op, x))
    assert (y[:, :100] == UNTOUCHED).all()
    assert (y[:, 800:] == UNTOUCHED).all()


SIDE_BY_SIDE: dict[str, Callable[[], Kernel]] = {
    "convolution that adds": lambda: Convolution(normal(3, 3, 4, 4), adds=True).prepare(
        (6, 6, 4), (4, 4, 4)
    ),
    "pixels that add": lambda: Convolution(normal(1, 1, 4, 4), adds=True).prepare(
        (6, 6, 4), (6, 6, 4)
    ),
    "activation": lambda: Activate(TANH).prepare((6, 6, 4)),
}


@pytest.mark.parametrize("name", SIDE_BY_SIDE)
def test_kernels_that_write_side_by_side_say_so(name):
    kernel = SIDE_BY_SIDE[name]()
    assert kernel.pitches[1] == 0
    kernel.spread(*kernel.pitches)
    assert kernel.pitches[1] == 0
