"""What convolutions do with outputs before they leave registers: addends and pooling.

Each is compared, bit by bit, with the same kernel without it, which has tests of its own.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnfast._kernels import dispatch
from cnnfast._kernels.conv import Convolution
from cnnfast._kernels.dense import Dense
from cnnfast._kernels.winograd import Winograd

LINEAR = ("linear", 0.0, 0.0, 0.0)
RELU = ("relu", 0.0, np.inf, 0.0)
CLAMP = ("relu", 0.0, 1.5, 0.0)
LEAKY = ("relu", 0.5, np.inf, 0.0)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


def direct(image, window, filters, padding=(0, 0), strides=(1, 1), dilation=(1, 1), groups=1):
    """Return what makes a direct convolution and the shape of its outputs, unpooled."""
    kernel, bias = normal(*window, image[2] // groups, filters), normal(filters)
    border = (padding[0], padding[0], padding[1], padding[1])
    P, Q = (
        (n + 2 * p - (k - 1) * d - 1) // s + 1
        for n, p, k, d, s in zip(image, padding, window, dilation, strides, strict=False)
    )

    def prepare(activation=LINEAR, **epilogue):
        return Convolution(
            *image, kernel, bias, strides, border, dilation, groups, activation, **epilogue
        )

    return prepare, (P, Q, filters)


def winograd(image, filters, padding=1, taps=3):
    """Return what makes a Winograd convolution and the shape of its outputs, unpooled.

    A last row or column that no window needs can be left out: tiles have fewer points then, and
    round in another way.
    """
    kernel, bias = normal(taps, taps, image[2], filters), normal(filters)
    less = taps - 1 - 2 * padding
    shape = (image[0] - less, image[1] - less, filters)

    def prepare(activation=LINEAR, left_out=(0, 0), **epilogue):
        borders = (padding, padding - left_out[0], padding, padding - left_out[1])
        return Winograd(*image, kernel, bias, borders, activation, **epilogue)

    return prepare, shape


def run(kernel, inputs, shape, addends=None, threads=1):
    """Fill memory that holds NaN where nothing is written, and check what lies around it."""
    size = len(inputs) * int(np.prod(shape))
    surrounded = np.full(size + 128, np.nan, np.float32)
    outputs = surrounded[64:-64].reshape(len(inputs), *shape)
    kernel.run(inputs, outputs, threads, addends)
    assert np.isnan(surrounded[:64]).all()
    assert np.isnan(surrounded[-64:]).all()
    return outputs


def windows_of(outputs, pool):
    """Give the pixels of each window an axis of their own."""
    (R, S), (N, P, Q, K) = pool, outputs.shape
    whole = outputs[:, : P // R * R, : Q // S * S]
    return whole.reshape(N, P // R, R, Q // S, S, K)


def pooled(outputs, pool, kind="max"):
    """Pool windows that lie side by side, an average in the order of the kernel."""
    windows = windows_of(outputs, pool)
    if kind == "max":
        return windows.max(axis=(2, 4))
    return windows.sum(axis=4).sum(axis=2) * np.float32(1 / (pool[0] * pool[1]))


POOLED = {
    "one channel": (direct((28, 28, 1), (3, 3), 32), (28, 28, 1), (2, 2)),
    "same": (direct((9, 10, 3), (3, 3), 5, padding=(1, 1)), (9, 10, 3), (2, 2)),
    "one window": (direct((3, 3, 2), (2, 2), 1), (3, 3, 2), (2, 2)),
    "strides": (direct((17, 23, 3), (3, 3), 20, (1, 1), strides=(2, 3)), (17, 23, 3), (2, 2)),
    "dilation": (direct((12, 13, 3), (3, 3), 7, (1, 2), dilation=(2, 3)), (12, 13, 3), (2, 2)),
    "groups": (direct((8, 9, 6), (3, 3), 9, (1, 1), groups=3), (8, 9, 6), (2, 2)),
    "channels that alias": (direct((5, 6, 512), (3, 3), 33), (5, 6, 512), (2, 2)),
    "more rows than a strip": (direct((60, 40, 64), (3, 3), 4, (1, 1)), (60, 40, 64), (2, 2)),
    "sequence by four": (direct((1, 50, 1), (1, 5), 16), (1, 50, 1), (1, 4)),
    "bordered sequence": (direct((1, 30, 3), (1, 4), 3, (0, 2)), (1, 30, 3), (1, 4)),
    "rows by four": (direct((5, 30, 3), (2, 4), 3), (5, 30, 3), (1, 4)),
}


@pytest.mark.parametrize(("made", "image", "pool"), POOLED.values(), ids=POOLED.keys())
def test_pooled_convolution_is_pooling_behind_a_convolution(isa, made, image, pool):
    prepare, shape = made
    inputs = normal(2, *image)
    for activation in (LINEAR, CLAMP):
        expected = pooled(run(prepare(activation), inputs, shape), pool)
        for threads in (1, 2, 7):
            found = run(prepare(activation, pool=pool), inputs, expected.shape[1:], None, threads)
            np.testing.assert_array_equal(found, expected)


def test_pooled_convolution_widths_and_filters_around_the_tile(isa):
    lanes = dispatch.lanes()
    for windows in range(1, 9):
        prepare, shape = direct((4, 2 * windows + 2, 2), (3, 3), lanes + windows)
        inputs = normal(1, 4, 2 * windows + 2, 2)
        expected = pooled(run(prepare(), inputs, shape), (2, 2))
        found = run(prepare(pool=(2, 2)), inputs, expected.shape[1:])
        np.testing.assert_array_equal(found, expected)
    for filters in (1, lanes - 1, lanes, 2 * lanes - 1, 2 * lanes, 2 * lanes + 1):
        prepare, shape = direct((6, 8, 2), (3, 3), filters)
        inputs = normal(1, 6, 8, 2)
        expected = pooled(run(prepare(), inputs, shape), (2, 2))
        found = run(prepare(pool=(2, 2)), inputs, expected.shape[1:])
        np.testing.assert_array_equal(found, expected)


def test_pooled_convolution_is_nan_where_a_pixel_is(isa):
    prepare, _ = direct((6, 6, 1), (1, 1), 3)
    for h, w in np.ndindex(6, 6):
        inputs = normal(1, 6, 6, 1)
        inputs[0, h, w] = np.nan
        found = np.isnan(run(prepare(CLAMP, pool=(2, 2)), inputs, (3, 3, 3)))
        assert found[0, h // 2, w // 2].all()
        assert found.sum() == 3


def test_pooled_convolution_work_counts_what_is_pooled(isa):
    prepare, _ = direct((9, 9, 2), (3, 3), 5)
    assert prepare(pool=(2, 2)).work == 2 * 6 * 6 * 5 * 9 * 2


sizes = st.integers(2, 15)


@pytest.mark.parametrize("kind", ["max", "average"])
@given(
    image=st.tuples(sizes, sizes, st.integers(1, 20)),
    filters=st.integers(1, 40),
    images=st.integers(0, 3),
    threads=st.sampled_from([1, 2, 7]),
    taps=st.sampled_from([3, 5]),
)
def test_pooled_winograd_is_pooling_behind_winograd(
    isa, kind, image, filters, images, threads, taps
):
    prepare, shape = winograd(image, filters, taps // 2, taps)
    inputs = normal(images, *image)
    odd = (shape[0] % 2, shape[1] % 2)
    even = (shape[0] - odd[0], shape[1] - odd[1], filters)
    for activation in (LINEAR, CLAMP):
        expected = pooled(run(prepare(activation, odd), inputs, even), (2, 2), kind)
        kernel = prepare(activation, pooling=kind)
        found = run(kernel, inputs, expected.shape[1:], None, threads)
        np.testing.assert_array_equal(found, expected)


def test_pooled_winograd_computes_no_tile_that_no_window_needs(isa):
    prepare, _ = winograd((13, 13, 4), 8, padding=0)
    assert prepare().units == 3
    assert prepare(pooling="max").units == 3
    prepare, _ = winograd((11, 11, 4), 8, padding=0)
    assert prepare().units == 3
    assert prepare(pooling="max").units == 2


@pytest.mark.parametrize("taps", [3, 5])
def test_pooled_winograd_is_nan_where_a_pixel_is(isa, taps):
    prepare, shape = winograd((12, 12, 2), 3, taps // 2, taps)
    inputs = normal(1, 12, 12, 2)
    inputs[0, 6, 9, 1] = np.nan
    expected = pooled(run(prepare(CLAMP), inputs, shape), (2, 2))
    assert np.isnan(expected).any()
    found = run(prepare(CLAMP, pooling="max"), inputs, expected.shape[1:])
    np.testing.assert_array_equal(found, expected)


def activated(values, activation):
    """Apply linear or relu."""
    _, slope, highest, _ = activation
    if activation == LINEAR:
        return values
    return np.minimum(np.where(values < 0, values * np.float32(slope), values), highest)


def assert_adds(prepare, image, shape, threads=1):
    """Compare with a sum behind the kernel."""
    inputs, addends = normal(3, *image), normal(3, *shape)
    linear = run(prepare(), inputs, shape)
    for activation in (LINEAR, RELU, CLAMP, LEAKY):
        found = run(prepare(activation, adds=True), inputs, shape, addends, threads)
        np.testing.assert_array_equal(found, activated(linear + addends, activation))


ADDED = {
    "same": (*direct((9, 10, 3), (3, 3), 5, padding=(1, 1)), (9, 10, 3)),
    "groups": (*direct((8, 9, 6), (3, 3), 9, (1, 1), groups=3), (8, 9, 6)),
    "strides": (*direct((11, 13, 3), (3, 3), 20, (1, 1), strides=(2, 3)), (11, 13, 3)),
    "more rows than a strip": (*direct((60, 40, 64), (3, 3), 4, (1, 1)), (60, 40, 64)),
    "Winograd": (*winograd((9, 11, 5), 20), (9, 11, 5)),
    "Winograd, several chunks": (*winograd((6, 6, 3), 300), (6, 6, 3)),
    "Winograd of 5 x 5": (*winograd((8, 11, 5), 20, 2, taps=5), (8, 11, 5)),
    "Winograd of 5 x 5, several chunks": (*winograd((7, 6, 3), 300, taps=5), (7, 6, 3)),
    "Winograd, more tiles than a block": (*winograd((30, 31, 3), 4), (30, 31, 3)),
}


@pytest.mark.parametrize(("prepare", "shape", "image"), ADDED.values(), ids=ADDED.keys())
def test_convolution_adds_before_its_activation(isa, prepare, shape, image):
    for threads in (1, 2, 7):
        assert_adds(prepare, image, shape, threads)


def test_convolution_adds_to_filters_around_the_panel(isa):
    lanes = dispatch.lanes()
    for filters in (1, lanes - 1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 2 * lanes + 1):
        for prepare, shape in (direct((5, 6, 2), (3, 3), filters), winograd((5, 6, 2), filters)):
            assert_adds(prepare, (5, 6, 2), shape)


@pytest.mark.parametrize("depth", [3, 512])
def test_dense_adds_before_its_activation(isa, depth):
    lanes = dispatch.lanes()
    for columns in (1, lanes, lanes + 1, 2 * lanes, 2 * lanes + 3):
        kernel, bias = normal(depth, columns), normal(columns)
        inputs, addends = normal(31, depth), normal(31, columns)
        linear = run(Dense(31, kernel, bias, LINEAR), inputs, (columns,))
        for activation in (LINEAR, CLAMP, LEAKY):
            adding = Dense(31, kernel, bias, activation, adds=True)
            for threads in (1, 2, 7):
                found = run(adding, inputs, (columns,), addends, threads)
                np.testing.assert_array_equal(found, activated(linear + addends, activation))
