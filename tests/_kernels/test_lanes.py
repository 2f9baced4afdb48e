"""Chains of operations with images in the lanes, against their float64 twins."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
import tolerances
from cnnfast import config
from cnnfast._kernels import dispatch
from cnnfast._kernels.dense import Dense as DenseKernel
from cnnfast._kernels.lanes import Lanes as LanesKernel
from cnnfast._kernels.stages import Activates, Scales, Sums, Windows
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import LINEAR, Activate
from cnnfast.ops.lanes import Lanes, Link, has_stage
from cnnfast.ops.normalization import ScaleShift
from cnnfast.ops.pooling import GlobalPooling, Pooling

Array = np.ndarray

RELU = ("relu", 0.0, np.inf, 0.0)
SIGMOID = ("sigmoid", 0.0, 0.0, 0.0)
GELU = ("gelu", 0.0, 0.0, 0.0)
SAME3 = ((1, 1), (1, 1))
# More than any block holds, and no multiple of it.
MANY = 2 * 4 * 16 + 37


@pytest.fixture(autouse=True, scope="module")
def direct() -> Iterator[None]:
    """Have sums computed as they are written; `test_quads.py` has the others."""
    config.set_winograd(False)
    yield
    config.set_winograd(True)


def normal(*shape: int) -> Array:
    return np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


def chain(shape, *ops) -> tuple[Link, ...]:
    """Link operations; a tuple among them is a reshape."""
    links = []
    for op in ops:
        if isinstance(op, tuple):
            shape = op
        else:
            links.append(Link(op, shape))
            shape = links[-1].output_shape
    return tuple(links)


def run(links, inputs: Array, threads: int = 1, few: int = 0) -> Array:
    """Run a chain, into memory that holds NaN where nothing is written."""
    shape = links[-1].output_shape
    outputs = np.full((len(inputs), math.prod(shape)), np.nan, np.float32)
    kernel = Lanes(links, few).prepare(links[0].shape)
    kernel.run(inputs.reshape(len(inputs), math.prod(inputs.shape[1:])), outputs, threads)
    return outputs.reshape(len(inputs), *shape)


def twin(link: Link, x: Array) -> Array:
    """Compute one operation in float64."""
    op, x = link.op, x.reshape(len(x), *link.shape)
    if isinstance(op, Convolution):
        return reference.convolution(
            x, op.kernel, op.bias, op.strides, op.padding, op.dilation, op.groups, op.activation
        )
    if isinstance(op, Dense):
        return reference.dense(x, op.kernel, op.bias, op.activation)
    if isinstance(op, Pooling):
        return reference.pooling(op.kind, x, op.pool, op.strides, op.padding)
    if isinstance(op, GlobalPooling):
        return reference.global_pooling(op.kind, x)
    if isinstance(op, ScaleShift):
        return reference.scale_shift(x, op.scale, op.shift)
    return reference.activate(x, op.activation)


def magnitude(link: Link, x: Array) -> tuple[int, Array]:
    """Return how many terms one operation adds up, and the sum of their absolute values."""
    op, x = link.op, np.abs(x).reshape(len(x), *link.shape)
    if isinstance(op, Convolution):
        bias = None if op.bias is None else np.abs(op.bias)
        absolute = Convolution(
            np.abs(op.kernel), bias, op.strides, op.padding, op.dilation, op.groups
        )
        return math.prod(op.kernel.shape[:3]), twin(Link(absolute, link.shape), x)
    if isinstance(op, Dense):
        return len(op.kernel), reference.dense_magnitude(x, op.kernel, op.bias)
    if isinstance(op, ScaleShift):
        return 2, reference.scale_shift(x, np.abs(op.scale), np.abs(op.shift))
    window = op.pool if isinstance(op, Pooling) else link.shape[:2]
    return math.prod(window) + 1, twin(link, x)


def assert_matches_twin(link: Link, images: int) -> None:
    """Compare one linear operation, or one behind a clamp, within the rounding of its sums."""
    x = normal(images, *link.shape)
    if isinstance(link.op, Pooling | GlobalPooling) and link.op.kind == "max":
        np.testing.assert_array_equal(run((link,), x), twin(link, x))
        return
    terms, sizes = magnitude(link, x)
    error = np.abs(run((link,), x) - twin(link, x))
    assert (error <= tolerances.float32_dot(terms, sizes)).all(), error.max()


ONE = {
    "convolution": Link(Convolution(normal(3, 3, 3, 5), normal(5)), (6, 7, 3)),
    "one filter": Link(Convolution(normal(3, 3, 1, 1), normal(1), activation=RELU), (4, 4, 1)),
    "nine filters": Link(Convolution(normal(2, 2, 2, 9)), (3, 4, 2)),
    "seventeen filters": Link(Convolution(normal(1, 3, 1, 17), normal(17)), (1, 9, 1)),
    "same": Link(Convolution(normal(3, 3, 2, 3), normal(3), padding=SAME3), (5, 6, 2)),
    "wide border": Link(Convolution(normal(3, 2, 1, 3), padding=((4, 5), (3, 6))), (2, 2, 1)),
    "strides": Link(Convolution(normal(3, 3, 2, 4), None, (2, 3), SAME3), (7, 8, 2)),
    "dilation": Link(Convolution(normal(3, 3, 2, 4), padding=SAME3, dilation=(2, 3)), (7, 9, 2)),
    "causal": Link(
        Convolution(normal(1, 3, 2, 4), padding=((0, 0), (4, 0)), dilation=(1, 2)), (1, 9, 2)
    ),
    "pointwise": Link(Convolution(normal(1, 1, 3, 4), normal(4)), (3, 4, 3)),
    "matrix": Link(Dense(normal(19, 7), normal(7), RELU), (19,)),
    "matrix of rows": Link(Dense(normal(3, 4)), (5, 3)),
    "maximum": Link(Pooling("max", (2, 2), (2, 2)), (5, 6, 3)),
    "average": Link(Pooling("average", (2, 2), (2, 2)), (5, 6, 3)),
    "average over the edge": Link(Pooling("average", (3, 3), (2, 2), SAME3), (5, 6, 3)),
    "overlapping maximum": Link(Pooling("max", (3, 3), (1, 2), SAME3), (5, 6, 2)),
    "global maximum": Link(GlobalPooling("max"), (5, 7, 3)),
    "global average": Link(GlobalPooling("average"), (1, 41, 2)),
    "scale and shift": Link(ScaleShift(normal(5), normal(5, 1)[:, 0]), (3, 4, 5)),
}

CHAINS = {
    "4x4 network": chain(
        (4, 4, 1), Convolution(normal(3, 3, 1, 1), normal(1), activation=RELU),
        Pooling("max", (2, 2), (2, 2)), (1,), Dense(normal(1, 1), normal(1), SIGMOID),
    ),
    "sequence": chain(
        (1, 50, 1), Convolution(normal(1, 5, 1, 16), normal(16), activation=RELU),
        Pooling("max", (1, 4), (1, 4)), (176,), Dense(normal(176, 1), normal(1), SIGMOID),
    ),
    "two convolutions": chain(
        (9, 8, 2), Convolution(normal(3, 3, 2, 6), normal(6), padding=SAME3, activation=RELU),
        Pooling("max", (3, 3), (2, 2), ((0, 1), (0, 1))), Convolution(normal(2, 2, 6, 7)),
        GlobalPooling("max"), Dense(normal(7, 10), normal(10)),
    ),
    "costly activation before the maximum": chain(
        (6, 6, 1), Convolution(normal(3, 3, 1, 3), normal(3), activation=GELU),
        Pooling("max", (2, 2), (2, 2)),
    ),
    "in place": chain(
        (3, 4, 2), Activate(SIGMOID), ScaleShift(normal(2), normal(2)),
        GlobalPooling("average"), Activate(GELU),
    ),
    "only in place": chain((11,), Activate(RELU)),
    "larger than L1": chain(
        (20, 20, 1), Convolution(normal(3, 3, 1, 9), normal(9), padding=SAME3, activation=RELU),
        Convolution(normal(3, 3, 9, 3), normal(3)), Pooling("average", (2, 2), (2, 2)),
        (243,), Dense(normal(243, 3), normal(3)),
    ),
}  # fmt: skip


def edges() -> list[int]:
    """Give numbers of images around a vector and a block, and primes."""
    lanes = dispatch.lanes()
    around = {n * lanes + d for n in (1, 2, 4, 8) for d in (-1, 0, 1)}
    return sorted({0, 1, 2, 3, 37, 61} | around)


@pytest.mark.parametrize("link", ONE.values(), ids=ONE.keys())
def test_one_operation_matches_the_twin(isa, link):
    for images in (1, dispatch.lanes() + 1, 4 * dispatch.lanes() + 3):
        assert_matches_twin(link, images)


sizes = st.integers(1, 7)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
borders = st.tuples(st.integers(0, 3), st.integers(0, 3))


@given(
    image=st.tuples(sizes, sizes, st.integers(1, 3)),
    window=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    filters=st.integers(1, 10),
    strides=pairs,
    padding=st.tuples(borders, borders),
    dilation=pairs,
    images=st.integers(1, 70),
)
def test_convolution_of_any_geometry_matches_the_twin(
    isa, image, window, filters, strides, padding, dilation, images
):
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    shape = (max(image[0], reach[0]), max(image[1], reach[1]), image[2])
    kernel = normal(*window, image[2], filters)
    op = Convolution(kernel, normal(filters), strides, padding, dilation)
    assert_matches_twin(Link(op, shape), images)


@given(
    image=st.tuples(sizes, sizes, st.integers(1, 3)),
    pool=pairs,
    strides=pairs,
    border=st.integers(0, 1),
    kind=st.sampled_from(["max", "average"]),
    images=st.integers(1, 70),
)
def test_pooling_of_any_geometry_matches_the_twin(isa, image, pool, strides, border, kind, images):
    sides = tuple((min(border, taps - 1), 0) for taps in pool)
    shape = (max(image[0], pool[0]), max(image[1], pool[1]), image[2])
    op = Pooling(kind, pool, strides, sides)
    assert_matches_twin(Link(op, shape), images)
    if kind == "max":
        kernel = normal(2, 2, image[2], 5)
        before = Link(Convolution(kernel, padding=((1, 0), (0, 1)), activation=RELU), shape)
        x = normal(images, *shape)
        expected = run((Link(op, before.output_shape),), run((before,), x))
        np.testing.assert_array_equal(run((before, Link(op, before.output_shape)), x), expected)


@pytest.mark.parametrize("links", CHAINS.values(), ids=CHAINS.keys())
def test_chain_equals_channels_in_the_lanes_bit_by_bit(isa, links):
    for images in edges():
        x = normal(images, *links[0].shape)
        np.testing.assert_array_equal(run(links, x), run(links, x, few=images + 1))


@pytest.mark.parametrize("links", CHAINS.values(), ids=CHAINS.keys())
def test_chain_threads_and_neighbours_change_no_bit(isa, links, threads):
    everything = normal(MANY, *links[0].shape)
    expected = run(links, everything)
    np.testing.assert_array_equal(run(links, everything, threads), expected)
    np.testing.assert_array_equal(run(links, everything, threads, few=5), expected)
    for first, end in ((0, 1), (1, 3), (5, 40), (7, 100), (MANY - 1, MANY)):
        some = np.ascontiguousarray(everything[first:end])
        np.testing.assert_array_equal(run(links, some, threads), expected[first:end])


def test_chain_of_every_activation_equals_channels_in_the_lanes(isa):
    for name in dispatch.activations():
        links = chain((5,), Activate((name, 0.5, 2.0, 0.25)), Dense(normal(5, 3)))
        x = normal(MANY, 5)
        np.testing.assert_array_equal(run(links, x), run(links, x, few=MANY + 1))


def test_image_that_is_not_a_number_stays_alone(isa):
    links = CHAINS["sequence"]
    x = normal(MANY, 1, 50, 1)
    expected = run(links, x)
    x[17, 0, 20] = np.nan
    x[40, 0, 3] = np.nan
    found = run(links, x)
    assert np.flatnonzero(np.isnan(found).any(axis=1)).tolist() == [17, 40]
    others = np.setdiff1d(np.arange(MANY), [17, 40])
    np.testing.assert_array_equal(found[others], expected[others])


def test_chain_writes_inside_its_outputs_only(isa):
    links = chain((6,), Dense(normal(6, 3)))
    kernel = Lanes(links).prepare((6,))
    for images in edges()[1:]:
        guarded = np.full(3 * images + 64, 7.0, np.float32)
        outputs = guarded[32:-32].reshape(images, 3)
        kernel.run(normal(images, 6), outputs, 1)
        assert (guarded[:32] == 7).all()
        assert (guarded[-32:] == 7).all()
        assert (outputs != 7).all()


def test_padding_of_the_chain_leaves_infinite_weights_unused(isa):
    kernel = np.ones((3, 3, 1, 1), np.float32)
    kernel[0, 0] = np.inf
    link = Link(Convolution(kernel, padding=((2, 0), (2, 0))), (1, 1, 1))
    np.testing.assert_array_equal(run((link,), np.ones((3, 1, 1, 1), np.float32)), 1)


def test_groups_and_windows_of_padding_have_no_stage():
    assert not has_stage(Link(Convolution(normal(3, 3, 1, 4), groups=2), (4, 4, 2)))
    assert not has_stage(Link(Pooling("max", (2, 2), (2, 2), ((2, 2), (2, 2))), (2, 2, 1)))
    assert has_stage(Link(Pooling("max", (2, 2), (2, 2)), (2, 2, 1)))


def test_stages_tell_how_much_they_write():
    table = np.array([[0, 0, 3, 1]], np.int32)
    assert Sums(table, np.array([[0, 1]], np.int32), normal(3, 2), None, LINEAR).outputs == 2
    assert Windows("max", np.array([[0, 1, 1]], np.int32), 1, 3).outputs == 3
    assert Scales(4, normal(3), normal(3)).outputs == 12
    assert Activates(7, RELU).outputs == 7


def test_chain_work_and_units_are_those_of_its_operations():
    link = Link(Dense(normal(3, 2)), (3,))
    kernel = Lanes((link,)).prepare((3,))
    assert kernel.units == 1
    assert kernel.work == DenseKernel(1, normal(3, 2), None, LINEAR).work
    assert isinstance(kernel, LanesKernel)
