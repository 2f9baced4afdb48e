"""Chains in strips: the bits of their operations, each of which has tests and a twin of its own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnfast._kernels.strips import Strips as StripsKernel
from cnnfast.ops import strips
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import Activate
from cnnfast.ops.normalization import ScaleShift
from cnnfast.ops.pooled import PooledConvolution
from cnnfast.ops.pooling import Pooling
from cnnfast.ops.strips import Strips

RELU = ("relu", 0.0, np.inf, 0.0)
RELU6 = ("relu", 0.0, 6.0, 0.0)
# Its value at 0 is 0.5: seen from a border, it would show.
SIGMOID = ("sigmoid", 0.0, 0.0, 0.0)
BORDER = ((1, 1), (1, 1))
HALVES = Pooling("max", (2, 2), (2, 2))


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


def convolution(channels: int, filters: int, window=(3, 3), activation=RELU6, **options):
    kernel = normal(*window, channels, filters)
    return Convolution(kernel, normal(filters), activation=activation, **options)


def depthwise(channels: int, multiplier: int = 1, window=(3, 3), **options) -> Depthwise:
    kernel = normal(*window, channels, multiplier)
    return Depthwise(kernel, normal(channels * multiplier), activation=RELU6, **options)


class Case(NamedTuple):
    """A chain on images."""

    shape: Shape
    ops: tuple[Op, ...]
    images: int = 2

    def inputs(self) -> np.ndarray:
        return normal(self.images, *self.shape)


def chain(shape: Shape, *ops: Op, images: int = 2) -> Case:
    return Case(shape, ops, images)


def wide(activation=RELU6) -> Convolution:
    return convolution(5, 20, (1, 1), activation)


WINOGRAD = convolution(32, 32, padding=BORDER)
CASES = {
    "inverted residual": chain(
        (8, 9, 5), wide(), depthwise(20, padding=BORDER), convolution(20, 7, (1, 1))
    ),
    "thinned out": chain(
        (11, 9, 5),
        wide(),
        depthwise(20, strides=(2, 2), padding=((0, 1), (0, 1))),
        convolution(20, 7, (1, 1)),
    ),
    "multiplier": chain((9, 8, 5), depthwise(5, 3, padding=BORDER), convolution(15, 4, (1, 1))),
    "sigmoid, then border": chain(
        (9, 8, 5), wide(SIGMOID), depthwise(20, padding=((2, 2), (2, 2)), window=(5, 5))
    ),
    "stem": chain(
        (23, 22, 3),
        convolution(3, 20, (7, 7), strides=(2, 2), padding=((3, 3), (3, 3))),
        Pooling("max", (3, 3), (2, 2), BORDER),
    ),
    "average": chain((12, 13, 3), convolution(3, 18), Pooling("average", (3, 2), (1, 2))),
    "pooled": chain(
        (20, 18, 3),
        PooledConvolution(convolution(3, 32, padding=BORDER, activation=RELU), HALVES),
        convolution(32, 5, (2, 2)),
    ),
    "Winograd behind a convolution": chain(
        (19, 21, 3), convolution(3, 32, padding=BORDER), WINOGRAD
    ),
    "Winograd twice": chain((22, 17, 32), WINOGRAD, convolution(32, 40)),
    "Winograd in front": chain(
        (22, 17, 32), WINOGRAD, depthwise(32, padding=BORDER), convolution(32, 8, (1, 1))
    ),
    "Winograd pooled": chain(
        (30, 26, 3),
        convolution(3, 32, padding=BORDER),
        PooledConvolution(WINOGRAD, HALVES),
        WINOGRAD,
    ),
    "Winograd of 5 x 5": chain(
        (22, 17, 3),
        convolution(3, 32, padding=BORDER),
        convolution(32, 32, (5, 5), padding=((2, 1), (0, 2))),
        PooledConvolution(convolution(32, 32, (5, 5), activation=RELU), HALVES),
        convolution(32, 20, (5, 5), padding=((2, 2), (2, 2))),
    ),
    "Winograd along rows": chain(
        (23, 19, 32),
        WINOGRAD,
        convolution(32, 40, (1, 7), padding=((0, 0), (3, 3))),
        convolution(40, 32, (1, 3), dilation=(1, 2)),
        convolution(32, 8),
    ),
    "three strides": chain(
        (40, 9, 3),
        convolution(3, 8, strides=(2, 1)),
        depthwise(8, strides=(3, 2)),
        convolution(8, 4, (2, 2), strides=(2, 1)),
    ),
    "stride beyond the window": chain(
        (40, 9, 3),
        convolution(3, 8),
        depthwise(8, window=(2, 2), strides=(5, 3)),
        Pooling("max", (1, 1), (3, 1)),
    ),
    "dilation": chain(
        (25, 20, 3),
        convolution(3, 8, dilation=(3, 1)),
        convolution(8, 6, dilation=(2, 2), padding=((4, 0), (2, 2))),
    ),
    "groups": chain(
        (12, 9, 4),
        convolution(2, 8, groups=2, padding=BORDER),
        convolution(4, 8, groups=2, padding=BORDER),
    ),
    "windows of padding alone": chain(
        (3, 3, 2), convolution(2, 4), convolution(4, 3, padding=((7, 7), (7, 7))), depthwise(3)
    ),
    "pixels left out": chain(
        (14, 13, 3),
        convolution(3, 8, padding=((1, -2), (0, -3))),
        convolution(8, 4, (2, 2), padding=((0, -1), (1, -1))),
    ),
    "six": chain(
        (20, 12, 5),
        wide(),
        depthwise(20, padding=BORDER),
        convolution(20, 6, (1, 1)),
        convolution(6, 20, (1, 1)),
        depthwise(20, strides=(2, 2)),
        convolution(20, 3, (1, 1)),
    ),
    "scales and activations": chain(
        (11, 90, 5),
        Activate(SIGMOID),
        convolution(5, 20),
        ScaleShift(normal(20), normal(20), RELU),
        convolution(20, 20, (1, 1)),
        Activate(RELU),
    ),
    "sequence": chain((1, 50, 3), convolution(3, 8, (1, 5)), Pooling("max", (1, 3), (1, 3))),
    "one pixel": chain((1, 1, 1), convolution(1, 1, (1, 1)), convolution(1, 1, (1, 1))),
    "alone": chain((9, 8, 5), depthwise(5, padding=BORDER)),
    "empty batch": chain((8, 9, 5), wide(), depthwise(20, padding=BORDER), images=0),
}


def run(case: Case, threads: int = 1) -> np.ndarray:
    """Run in strips, into memory that holds NaN where nothing is written."""
    op = Strips(case.ops)
    outputs = np.full((case.images, *op.output_shape(case.shape)), np.nan, np.float32)
    op.prepare(case.shape).run(case.inputs(), outputs, threads)
    return outputs


def one_by_one(case: Case) -> np.ndarray:
    """Run each operation with its own kernel."""
    values, shape = case.inputs(), case.shape
    for op in case.ops:
        outputs = np.empty((len(values), *op.output_shape(shape)), np.float32)
        if strips.sight_of(op, shape) is strips.PIXELWISE:
            op.prepare(shape).run(
                values.reshape(-1, shape[2]), outputs.reshape(-1, outputs.shape[3]), 1
            )
        else:
            op.prepare(shape).run(values, outputs, 1)
        values, shape = outputs, outputs.shape[1:]
    return values


@pytest.fixture(params=[1, 700, 10**6], ids=["single groups", "some rows", "whole images"])
def room(request, monkeypatch):
    """Bound the strips by the floats of their line buffers; one group always fits."""
    fitted = strips.tallest_strip
    monkeypatch.setattr(strips, "ROOM", request.param)
    monkeypatch.setattr(strips, "tallest_strip", lambda links: max(fitted(links), 1))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_strips_give_the_bits_of_their_parts(isa, room, case):
    np.testing.assert_array_equal(run(case), one_by_one(case))


@pytest.mark.parametrize(
    "name", ["thinned out", "stem", "Winograd twice", "Winograd pooled", "three strides", "six"]
)
def test_strips_threads_change_no_bit(isa, room, name):
    once = run(CASES[name])
    for threads in (2, 7):
        np.testing.assert_array_equal(run(CASES[name], threads), once)


def test_strips_add_up_work_and_weights():
    case = CASES["inverted residual"]
    kernel = Strips(case.ops).prepare(case.shape)
    parts = [
        op.prepare(shape)
        for op, shape in zip(case.ops, [case.shape, (8, 9, 20), (8, 9, 20)], strict=True)
    ]
    assert kernel.work == sum(part.work for part in parts)
    assert kernel.weights == sum(part.weights for part in parts)
    assert kernel.units == 8


def test_chains_of_no_or_too_many_operations_are_refused():
    kernel = depthwise(5).prepare((9, 8, 5))
    link = (kernel, (1, 1, 1, 0, 3), 7, 30, 0)
    for count in (0, 7):
        with pytest.raises(ValueError, match=f"1 to 6 operations. Received {count}"):
            StripsKernel(9 * 8 * 5, [link] * count, 1)


windows = st.tuples(st.integers(1, 4), st.integers(1, 3))
pairs = st.tuples(st.integers(1, 3), st.integers(1, 2))
borders = st.tuples(
    st.tuples(st.integers(0, 3), st.integers(-1, 3)),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
)


@st.composite
def chains(draw) -> Case:
    """Draw operations that fit one another."""
    shape = first = draw(st.tuples(st.integers(1, 24), st.integers(1, 9), st.integers(1, 4)))
    ops: list[Op] = []
    for kind in draw(
        st.lists(st.sampled_from(["conv", "depthwise", "pool"]), min_size=2, max_size=4)
    ):
        options = {"strides": draw(pairs), "padding": draw(borders)}
        window = draw(windows)
        if kind == "conv":
            op: Op = convolution(
                shape[2], draw(st.integers(1, 5)), window, dilation=draw(pairs), **options
            )
        elif kind == "depthwise":
            op = depthwise(shape[2], 1, window, dilation=draw(pairs), **options)
        else:
            op = Pooling("max", window, **options)
        try:
            shape = op.output_shape(shape)
        except ValueError:
            continue
        ops.append(op)
    return Case(first, tuple(ops) or (convolution(first[2], 1, (1, 1)),))


@given(case=chains(), most=st.integers(1, 2000))
def test_strips_of_any_geometry_give_the_bits_of_their_parts(case, most):
    with pytest.MonkeyPatch.context() as patch:
        fitted = strips.tallest_strip
        patch.setattr(strips, "ROOM", most)
        patch.setattr(strips, "tallest_strip", lambda links: max(fitted(links), 1))
        np.testing.assert_array_equal(run(case), one_by_one(case))
