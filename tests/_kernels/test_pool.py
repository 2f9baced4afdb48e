"""Pooling against its float64 twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.pool import GlobalPooling, Pooling

Array = np.ndarray
Sides = tuple[int, int]
Window = tuple[Sides, Sides, tuple[Sides, Sides]]

KINDS = ("max", "average")
NONE = ((0, 0), (0, 0))

# (pool, strides, padding): each way of computing, with and without trimmed windows.
WINDOWS: dict[str, Window] = {
    "2x2": ((2, 2), (2, 2), NONE),
    "2x2 overlapping": ((2, 2), (1, 1), ((0, 1), (0, 1))),
    "3x3 sliding by 1": ((3, 3), (1, 1), ((1, 1), (1, 1))),
    "3x3 sliding by 2": ((3, 3), (2, 2), NONE),
    "3x3 sliding by 2, same": ((3, 3), (2, 2), ((0, 1), (1, 1))),
    "3x3 apart": ((3, 3), (3, 3), ((1, 2), (0, 2))),
    "1x2": ((1, 2), (1, 2), NONE),
    "1x3": ((1, 3), (1, 3), ((0, 0), (1, 1))),
    "1x4": ((1, 4), (1, 4), NONE),
    "1x5": ((1, 5), (1, 2), ((0, 0), (2, 2))),
    "1x7": ((1, 7), (1, 1), ((0, 0), (3, 3))),
    "2x1": ((2, 1), (2, 1), NONE),
    "3x1": ((3, 1), (1, 2), ((1, 1), (0, 0))),
    "5x5 by columns": ((5, 5), (1, 1), ((2, 2), (2, 2))),
    "4x6 by columns": ((4, 6), (3, 2), ((1, 2), (2, 3))),
    "strided": ((2, 2), (4, 5), NONE),
    "whole input": ((9, 11), (1, 1), NONE),
    "wider than the input": ((13, 15), (2, 3), ((6, 6), (7, 7))),
}


def normal(*shape: int) -> Array:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def edge_sizes() -> tuple[int, ...]:
    lanes = dispatch.lanes()
    return (1, 2, 3, lanes - 1, lanes, lanes + 1, 13, 2 * lanes + 3, 4 * lanes)


def pooled(kind: str, inputs: Array, window: Window, threads: int = 1) -> Array:
    pool, strides, ((top, bottom), (left, right)) = window
    kernel = Pooling(kind, *inputs.shape[1:], pool, strides, (top, bottom, left, right))
    height = (inputs.shape[1] + top + bottom - pool[0]) // strides[0] + 1
    width = (inputs.shape[2] + left + right - pool[1]) // strides[1] + 1
    outputs = np.full((len(inputs), height, width, inputs.shape[3]), np.nan, np.float32)
    kernel.run(inputs, outputs, threads)
    return outputs


def globally_pooled(kind: str, inputs: Array, threads: int = 1) -> Array:
    outputs = np.full((len(inputs), inputs.shape[2]), np.nan, np.float32)
    GlobalPooling(kind, *inputs.shape[1:]).run(inputs, outputs, threads)
    return outputs


def assert_close(actual: Array, expected: Array, bound: Array | float) -> None:
    assert actual.shape == expected.shape
    assert np.all(np.abs(actual - expected) <= bound)


def assert_pooled(kind: str, inputs: Array, window: Window) -> None:
    """A maximum is exact; an average has the sum of its taps and one product."""
    bound = 0.0
    if kind == "average":
        magnitude = reference.pooling(kind, np.abs(inputs), *window)
        bound = tolerances.float32_sum(window[0][0] * window[0][1] + 2, magnitude)
    assert_close(pooled(kind, inputs, window), reference.pooling(kind, inputs, *window), bound)


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize("kind", KINDS)
def test_pooling_of_any_channels_equals_reference(isa: str, kind: str, window: Window) -> None:
    for channels in edge_sizes():
        assert_pooled(kind, normal(2, 9, 11, channels), window)


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_sliding_of_wide_pixels_equals_reference(isa: str, kind: str, step: int) -> None:
    for channels in (255, 256, 257, 256 + dispatch.lanes(), 521):
        assert_pooled(kind, normal(1, 4, 7, channels), ((3, 3), (step, step), NONE))


@given(data=st.data())
def test_pooling_of_any_geometry_equals_reference(isa: str, data: st.DataObject) -> None:
    size, draw = st.integers(1, 12), data.draw
    pool = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    strides = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    sides = [draw(st.tuples(*2 * [st.integers(0, taps - 1)])) for taps in pool]
    inputs = normal(draw(st.integers(1, 3)), draw(size), draw(size), draw(st.integers(1, 40)))
    lengths = [inputs.shape[1 + axis] + sum(sides[axis]) for axis in (0, 1)]
    pool = (min(pool[0], lengths[0]), min(pool[1], lengths[1]))
    window = (pool, strides, (sides[0], sides[1]))
    for kind in KINDS:
        assert_pooled(kind, inputs, window)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [3, 32])
def test_pooling_threads_do_not_change_a_bit(kind: str, channels: int, threads: int) -> None:
    inputs = normal(5, 13, 17, channels)
    for window in WINDOWS.values():
        expected = pooled(kind, inputs, window)
        np.testing.assert_array_equal(pooled(kind, inputs, window, threads), expected)


def test_average_does_not_depend_on_the_way_it_is_computed(isa: str) -> None:
    inputs = normal(1, 8, 9, 4 * dispatch.lanes())
    for window in (WINDOWS["3x3 sliding by 1"], WINDOWS["2x2"], WINDOWS["5x5 by columns"]):
        together = pooled("average", inputs, window)
        one = pooled("average", np.ascontiguousarray(inputs[..., 5:6]), window)
        np.testing.assert_array_equal(one, together[..., 5:6])


@pytest.mark.parametrize("window", ["2x2", "3x3 sliding by 1", "1x4", "5x5 by columns"])
def test_maximum_with_nan_in_any_tap_is_nan(isa: str, window: str) -> None:
    for channels in (1, dispatch.lanes(), dispatch.lanes() + 1):
        for row, column in np.ndindex(9, 11):
            inputs = normal(1, 9, 11, channels)
            inputs[0, row, column] = np.nan
            actual = pooled("max", inputs, WINDOWS[window])
            expected = reference.pooling("max", inputs, *WINDOWS[window])
            np.testing.assert_array_equal(actual, expected)


def test_maximum_of_infinities_and_signed_values_is_exact(isa: str) -> None:
    inputs = np.full((1, 2, 2, 17), -np.inf, np.float32)
    inputs[0, 1, 1, :8] = (-3.0, np.inf, -1e-45, 3e38, -3e38, 1e-45, -1.0, -0.5)
    actual = pooled("max", inputs, WINDOWS["2x2"])
    np.testing.assert_array_equal(actual, inputs[:, 1:, 1:])


def test_windows_of_padding_only_are_lowest_or_zero(isa: str) -> None:
    inputs = normal(1, 2, 2, 3)
    window = ((2, 2), (2, 2), ((2, 2), (2, 2)))
    maximum, average = (pooled(kind, inputs, window)[0] for kind in KINDS)
    outside = np.ones((3, 3), bool)
    outside[1, 1] = False
    assert np.all(maximum[outside] == -np.inf)
    assert np.all(average[outside] == 0.0)
    np.testing.assert_array_equal(maximum[1, 1], inputs.max((0, 1, 2)))


def test_pooling_writes_inside_its_outputs_only(isa: str) -> None:
    for channels in edge_sizes():
        inputs = normal(2, 4, 6, channels)
        guarded = np.full(2 * 2 * 3 * channels + 64, 7.0, np.float32)
        outputs = guarded[32:-32].reshape(2, 2, 3, channels)
        Pooling("max", 4, 6, channels, (2, 2), (2, 2), (0, 0, 0, 0)).run(inputs, outputs, 1)
        assert np.all(guarded[:32] == 7.0)
        assert np.all(guarded[-32:] == 7.0)


def test_pooling_of_no_images_does_nothing(threads: int) -> None:
    assert pooled("max", normal(0, 4, 4, 3), WINDOWS["2x2"], threads).shape == (0, 2, 2, 3)
    assert globally_pooled("average", normal(0, 4, 3), threads).shape == (0, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_global_pooling_of_any_size_equals_reference(isa: str, kind: str) -> None:
    for channels in (*edge_sizes(), 9 * dispatch.lanes() + 5):
        for rows in (1, 2, 49, 63, 64, 65, 128, 331):
            inputs = normal(2, rows, channels)
            magnitude = reference.global_pooling("average", np.abs(inputs))
            bound = tolerances.float32_sum(rows + 1, magnitude) if kind == "average" else 0.0
            expected = reference.global_pooling(kind, inputs)
            assert_close(globally_pooled(kind, inputs), expected, bound)


@pytest.mark.parametrize("kind", KINDS)
def test_global_pooling_threads_do_not_change_a_bit(kind: str, threads: int) -> None:
    for channels in (1, 5, 16, 64, 67, 1000):
        inputs = normal(3, 150, channels)
        expected = globally_pooled(kind, inputs)
        np.testing.assert_array_equal(globally_pooled(kind, inputs, threads), expected)


def test_global_average_errs_like_a_sum_of_blocks(isa: str) -> None:
    rows, value = 128 * 128, np.float32(0.1)
    for channels in (1, 6, 64):
        inputs = np.full((1, rows, channels), value)
        error = np.abs(globally_pooled("average", inputs).astype(np.float64) - value)
        # Rows of a block, blocks, and rows folded into one: no chain is longer than their sum.
        chain = 64 + rows // 64 + 2 * 4 * dispatch.lanes() + 1
        assert np.all(error <= tolerances.roundings(chain, value))
        in_turn = np.add.accumulate(inputs[0, :, 0])[-1] / rows
        assert np.all(error < np.abs(np.float64(in_turn) - value) / 10)


def test_global_maximum_with_nan_in_any_row_is_nan(isa: str) -> None:
    for channels in (1, 3, dispatch.lanes() + 1):
        for row in (0, 1, 70, 99):
            inputs = normal(1, 100, channels)
            inputs[0, row] = np.nan
            assert np.isnan(globally_pooled("max", inputs)).all()


@pytest.mark.parametrize(
    "arguments",
    [
        (0, 4, 3, (2, 2), (2, 2), (0, 0, 0, 0)),
        (4, 4, 0, (2, 2), (2, 2), (0, 0, 0, 0)),
        (4, 4, 3, (0, 2), (2, 2), (0, 0, 0, 0)),
        (4, 4, 3, (2, 2), (2, 0), (0, 0, 0, 0)),
        (4, 4, 3, (2, 2), (2, 2), (0, 0, -1, 0)),
        (4, 4, 3, (5, 2), (2, 2), (0, 0, 0, 0)),
        (4, 4, 3, (2, 7), (2, 2), (0, 0, 1, 1)),
    ],
)
def test_impossible_pooling_is_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=r"Received|larger than the input"):
        Pooling("max", *arguments)


def test_unknown_kind_of_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="'sum'"):
        Pooling("sum", 4, 4, 3, (2, 2), (2, 2), (0, 0, 0, 0))
    with pytest.raises(ValueError, match="'sum'"):
        GlobalPooling("sum", 4, 3)


@pytest.mark.parametrize("shape", [(0, 3), (4, 0)])
def test_global_pooling_of_nothing_is_refused(shape: Sides) -> None:
    with pytest.raises(ValueError, match=r"Received \(rows, C\)"):
        GlobalPooling("max", *shape)
