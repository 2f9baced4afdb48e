"""Convolutions with images in the lanes by fours of pixels, against their float64 twins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from cnnfast import config
from cnnfast._kernels.quads import Quads, products_of
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import LINEAR
from cnnfast.ops.lanes import Lanes, Link, stages_of
from cnnfast.ops.pooling import Pooling
from cnnfast.ops.quads import TAPS, weights_of

Array = np.ndarray

RELU = ("relu", 0.0, np.inf, 0.0)
RELU6 = ("relu", 0.0, 6.0, 0.0)
SIGMOID = ("sigmoid", 0.0, 0.0, 0.0)
# More images than a block holds, and no multiple of it.
MANY = 4 * 16 + 21
# The rms error over that of direct sums that `micro/quad.h` promises, and more.
MOST_RMS_ERROR = 3.0


def integers(*shape: int, factor: int = 1) -> Array:
    """Draw integers: small sums of their products, and their halves if even, are exact."""
    drawn = np.random.default_rng(list(shape)).integers(-4, 5, shape)
    return (factor * drawn).astype(np.float32)


def normal(*shape: int) -> Array:
    return np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


def chain(shape, *ops) -> tuple[Link, ...]:
    """Link operations; a matrix gets its input flat."""
    links: list[Link] = []
    for op in ops:
        links.append(Link(op, (int(np.prod(shape)),) if isinstance(op, Dense) else shape))
        shape = links[-1].output_shape
    return tuple(links)


def run(links, inputs: Array, threads: int = 1) -> Array:
    """Run a chain, into memory that holds NaN where nothing is written."""
    shape = links[-1].output_shape
    outputs = np.full((len(inputs), int(np.prod(shape))), np.nan, np.float32)
    Lanes(links, few=9).prepare(links[0].shape).run(
        inputs.reshape(len(inputs), -1), outputs, threads
    )
    return outputs.reshape(len(inputs), *shape)


def twin(links, x: Array) -> Array:
    """Compute a chain in float64."""
    for link in links:
        op, x = link.op, x.reshape(len(x), *link.shape)
        if isinstance(op, Convolution):
            x = reference.convolution(
                x, op.kernel, op.bias, op.strides, op.padding, op.dilation, 1, op.activation
            )
        elif isinstance(op, Pooling):
            x = reference.pooling(op.kind, x, op.pool, op.strides, op.padding)
        else:
            x = reference.dense(x, op.kernel, op.bias, op.activation)
    return x


def kinds(links) -> list[str]:
    return [type(stage).__name__ for stage in stages_of(links)]


@pytest.fixture
def direct() -> Iterator[None]:
    """Have sums computed as they are written."""
    config.set_winograd(False)
    yield
    config.set_winograd(True)


def sequence(taps: int = 5, filters: int = 16, pool: int = 4, *after):
    return chain(
        (1, 50, 1),
        Convolution(normal(1, taps, 1, filters), normal(filters), activation=RELU),
        Pooling("max", (1, pool), (1, pool)),
        *after,
    )


POOLS = {
    "none": (), "two": (Pooling("max", (1, 2), (1, 2)),), "four": (Pooling("max", (1, 4), (1, 4)),),
    "two rows of two": (Pooling("max", (2, 2), (2, 2)),),
    "three rows of five": (Pooling("max", (3, 5), (3, 5)),),
    "three": (Pooling("max", (2, 3), (2, 3)),),
    "two of a border": (Pooling("max", (2, 2), (2, 2), ((0, 1), (1, 1))),),
    "overlapping": (Pooling("max", (2, 2), (1, 1)),),
    "average": (Pooling("average", (2, 2), (2, 2)),),
}  # fmt: skip


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS.keys())
@given(
    taps=st.sampled_from(TAPS),
    filters=st.integers(8, 11),
    size=st.tuples(st.integers(5, 7), st.integers(7, 19)),
    border=st.tuples(st.integers(0, 4), st.integers(0, 7)),
    stride=st.integers(1, 2),
    activation=st.sampled_from([LINEAR, RELU]),
    summed=st.booleans(),
    images=st.integers(1, MANY),
)
def test_quads_of_any_geometry_equal_the_twin_where_sums_are_exact(
    isa, pool, taps, filters, size, border, stride, activation, summed, images
):
    shape = (size[0], max(size[1], taps + 4), 1)
    kernel = integers(1, taps, 1, filters, factor=2)
    convolution = Convolution(
        kernel, integers(filters), (stride, 1), ((0, 0), border), activation=activation
    )
    before = chain(shape, convolution, *pool)
    size_of_all = int(np.prod(before[-1].output_shape))
    dense = Dense(integers(size_of_all, 1), integers(1), RELU6) if summed else None
    links = before if dense is None else chain(shape, convolution, *pool, dense)
    assert kinds(links)[0] == "Quads"
    x = integers(images, *shape)
    np.testing.assert_array_equal(run(links, x), twin(links, x))


@pytest.mark.parametrize("taps", TAPS)
@pytest.mark.parametrize("lowest", [-np.inf, 0.0], ids=["any", "after a relu"])
def test_quads_rms_error_is_at_most_three_times_the_direct_one(isa, direct, taps, lowest):
    x = np.maximum(normal(256, 1, 40, 1), np.float32(lowest))
    links = chain((1, 40, 1), Convolution(normal(1, taps, 1, 16)))
    expected = twin(links, x)
    error = np.std(run(links, x) - expected)
    config.set_winograd(True)
    assert kinds(links) == ["Quads"]
    assert np.std(run(links, x) - expected) <= MOST_RMS_ERROR * error


CHAINS = {
    "sequence": sequence(5, 16, 4, Dense(normal(176, 1), normal(1), SIGMOID)),
    "neighbours": sequence(3, 9, 2, Dense(normal(216, 1))),
    "all pixels": chain(
        (6, 9, 1), Convolution(normal(1, 4, 1, 8), normal(8), padding=((0, 0), (2, 1))),
        Dense(normal(432, 1)),
    ),
    "many outputs": sequence(6, 8, 4, Dense(normal(88, 3))),
}  # fmt: skip


@pytest.mark.parametrize("links", CHAINS.values(), ids=CHAINS.keys())
def test_quads_threads_and_neighbours_change_no_bit(isa, links, threads):
    everything = normal(MANY, *links[0].shape)
    expected = run(links, everything)
    np.testing.assert_array_equal(run(links, everything, threads), expected)
    for first, end in ((0, 1), (1, 3), (5, 40), (7, 71), (MANY - 1, MANY)):
        some = np.ascontiguousarray(everything[first:end])
        np.testing.assert_array_equal(run(links, some, threads), expected[first:end])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_quads_value_that_is_not_finite_spoils_the_maxima_that_see_it(isa, value):
    links = sequence()
    x = normal(MANY, 1, 50, 1)
    expected = run(links, x)
    for place in range(50):
        spoilt = x.copy()
        spoilt[17, 0, place] = value
        found = run(links, spoilt)
        windows = [i for i in range(11) if 4 * i <= place < 4 * i + 8]
        assert np.isnan(found[17, 0, windows]).all()
        found[17, 0, windows] = expected[17, 0, windows]
        np.testing.assert_array_equal(found, expected)


def test_quads_sum_takes_what_stays_in_registers_along():
    assert kinds(CHAINS["sequence"]) == ["Quads"]
    assert kinds(CHAINS["all pixels"]) == ["Quads", "Sums"]  # nine columns repeat some
    assert kinds(CHAINS["many outputs"]) == ["Quads", "Sums"]
    eight = chain((1, 10, 1), Convolution(normal(1, 3, 1, 8)), Dense(normal(64, 1)))
    assert kinds(eight) == ["Quads"]
    late = Convolution(normal(1, 3, 1, 8), activation=SIGMOID)
    assert kinds(chain((1, 10, 1), late, Dense(normal(64, 1)))) == ["Quads", "Sums"]


def test_quads_are_not_for_other_convolutions(direct):
    assert kinds(sequence()) == ["Sums"]
    config.set_winograd(True)
    assert kinds(sequence()) == ["Quads"]
    assert kinds(sequence(filters=7)) == ["Sums"]
    assert kinds(sequence(taps=7)) == kinds(sequence(taps=2)) == ["Sums"]
    assert kinds(chain((1, 50, 2), Convolution(normal(1, 5, 2, 16)))) == ["Sums"]
    assert kinds(chain((3, 50, 1), Convolution(normal(2, 5, 1, 16)))) == ["Sums"]
    kernel = normal(1, 5, 1, 16)
    for change in (
        {"strides": (1, 2)}, {"dilation": (1, 2)}, {"padding": ((1, 0), (0, 0))},
        {"activation": RELU6},
    ):  # fmt: skip
        assert kinds(chain((1, 50, 1), Convolution(kernel, **change))) == ["Sums"]
    assert kinds(chain((1, 7, 1), Convolution(kernel))) == ["Sums"]
    kernel[0, 2, 0, 3] = np.inf
    assert kinds(chain((1, 50, 1), Convolution(kernel))) == ["Sums"]


@pytest.mark.parametrize(("taps", "products"), [(3, 8), (4, 9), (5, 11), (6, 12)])
def test_quads_weights_are_as_many_as_the_products(taps, products):
    assert products_of(taps) == products
    weights = weights_of(normal(1, taps, 1, 8), None)
    assert weights.shape == (8, 1 + products)
    assert (weights[:, 0] == 0).all()


def test_quads_tell_how_much_they_write():
    (stage,) = stages_of(sequence())
    assert isinstance(stage, Quads)
    assert stage.outputs == 11 * 16
    (summed,) = stages_of(CHAINS["sequence"])
    assert summed.outputs == 1
